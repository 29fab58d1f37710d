"""What happens to networks that are really trained? Only in here is PyTorch imported to train them."""
