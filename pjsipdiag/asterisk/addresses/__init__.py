"""Socket addresses and the rules of `match=`, `permit=` and `deny=`: parsed, tested, indexed."""
