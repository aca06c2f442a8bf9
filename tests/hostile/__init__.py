"""Whole runs of `doit` under attack: damaged records, a hostile registry, a hostile machine."""
