"""Tests of the sandbox: pure parts, and attacks by real programs in the real sandbox."""
