"""The fast path: records that cannot hold SIP are passed over before anything is dissected.

In comes a buffer of records (pcap, pcapng); out come the places of those that may hold SIP, and plain UDP messages that
are ready. What is not certain goes to `packets`, so that the fast path changes no result.

    _records.c    the loop over records, compiled; it leaves plain messages to a taker (taker.h), where there is one
    limited_api.h    Python's interface, for all compiled parts
    compiled      the same law by Python where it is not compiled, and which of both is used
    layout        what the bytes at fixed places say for each link type: the plans that both follow
    sieve         the law for one record

Imports: `packets`, `streams`, `extensions`; `formats` uses it. `PJSIPDIAG_NO_EXTENSIONS=1` turns the compiled part off.
"""
