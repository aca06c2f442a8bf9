"""Publishing a batch, taking one back, and where both go."""
