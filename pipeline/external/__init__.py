"""Programs of the user's that make recipes or verdicts: run, bounded, read, and never trusted further than that."""
