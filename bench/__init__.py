"""Benchmarks: never asserted by a test, always a ratio to something measured in the same run."""
