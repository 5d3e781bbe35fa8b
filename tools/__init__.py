"""The scripts behind the Makefile: run them from the root with ``python -m tools.NAME``."""
