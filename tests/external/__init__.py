"""Programs of the user's that make recipes and verdicts."""
