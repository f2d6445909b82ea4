"""Packets: link types, IP, fragments and tunnels, down to UDP datagrams and TCP segments.

In come the bytes of one frame and its link type; out come datagrams (through `streams` for TCP), or a count of what
could not be read.

    link, rare, wireless    link types: usual, rare and wireless ones, one row each; network_layer: what they share
    ip            IPv4 and IPv6 with their extension headers
    fragments     put together, with bounds
    icmp          errors that quote a SIP packet
    tunnels       what is inside of other packets: GRE, VXLAN, GTP, IP in IP, ...
    logger        packets that exporters of log messages wrap
    dissect       a frame through all of them

Imports: `streams`; `fast` and `formats` use it. A link type is a function and a row of `link` or `rare`, with a frame
in the tests; tshark is their second opinion.
"""
