"""The world of the long run: what is true of each package, what goes wrong when, and what is counted."""
