"""What happens to a network trained on real and synthetic data? Trains, measures, and lays theory over it."""
