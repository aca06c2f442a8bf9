"""What is remembered of packages and batches, and what follows from it. Pure."""
