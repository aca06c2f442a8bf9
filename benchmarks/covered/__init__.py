"""How much of each ecosystem the pipeline covers: a list of real packages, what became of each, and a page."""
