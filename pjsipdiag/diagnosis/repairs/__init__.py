"""Repairs of the configuration, each proven by replaying the capture."""
