"""Small changes of meaning (mutants) that the tests must notice: `make mutants`."""
