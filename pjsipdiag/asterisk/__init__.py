"""The parts of pjsipdiag that know Asterisk: what its files load and what it does with a request."""
