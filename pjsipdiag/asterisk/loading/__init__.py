"""Sections become objects as sorcery loads them, and what was dropped is kept with its reason."""
