"""What does Monte Carlo answer? Data sets drawn exactly in law, through sufficient statistics wherever they exist."""
