"""Files of a release: which one is for which platform, what its name says, and the pattern that finds the next."""
