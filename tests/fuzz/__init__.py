"""Fuzzing of every parser of foreign bytes, and of whole runs: `python -m tests.fuzz [TARGET...] [--seconds N]`."""
