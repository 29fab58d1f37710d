"""What is asked: frozen descriptions of problems, and the files that hold them."""
