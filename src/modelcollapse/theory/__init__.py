"""What does theory say? Deterministic equivalents: arrays in, arrays out, and one translation from problems."""
