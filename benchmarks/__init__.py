"""Benchmarks: Trivet beside its peers. `python -m benchmarks --help`; README.md has the method."""
