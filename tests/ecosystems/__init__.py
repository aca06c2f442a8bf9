"""Tests of generation from npm and PyPI."""
