"""Messages folded into calls and sources, merged, and judged."""
