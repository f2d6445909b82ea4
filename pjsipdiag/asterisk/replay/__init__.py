"""The walk over the identifiers and what follows it, to a Verdict with its trace."""
