"""Questions about every request that could come."""
