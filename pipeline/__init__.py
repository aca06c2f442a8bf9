"""recipeline: from a ranked queue of package names to a reviewed pull request of install recipes."""

__version__ = "0.1.0"
