"""The fast path: records that cannot hold SIP are passed over before anything is dissected."""
