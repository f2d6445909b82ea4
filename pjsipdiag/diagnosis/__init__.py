"""Both worlds meet: calls are folded from a capture, replayed against the configuration, and rules name the cause."""
