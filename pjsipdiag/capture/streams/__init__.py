"""Streams: TCP put in order, and SIP messages, WebSocket and HEP in it.

In come TCP segments and UDP payloads; out come SIP messages with the time and the addresses of the packet that finished
them. Memory is bounded for each stream and for all.

    tcp, tcp_flow, sequence    segments in order; what a gap, a repeat or a second opening does
    flow_table        which flows are followed, and whose sender is shown
    beginnings        how a flow of interest begins
    stream            messages in the bytes of a connection, by Content-Length
    start             whether bytes begin a SIP message
    via               the addresses that a request tells of itself
    websocket, hep    SIP in WebSocket messages and in HEP3 packets
    ended             how connections end: refused, reset, with a TLS alert
    tls               encrypted connections: known for what they are

Imports: `datagram` and `signs` only; `packets` feeds it. Another carrier of SIP is a module here.
"""
