"""Changes of configuration text and where they go."""
