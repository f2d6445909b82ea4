"""Captures gathered, alone or by several processes."""
