"""Bytes from files: compressed, growing, or looked at through a window."""
