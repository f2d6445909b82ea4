"""Formats of captures: pcap, pcapng, texts, and whatever Wireshark reads.

In comes the window over an open capture; out come datagrams in order, and in a Tally what was passed over.

    reader              tells the format by its first bytes and reads it
    pcapng_interface    what a file says of an interface: link type, resolution of times
    pcap, pcapng        records of the formats, damage and all
    scan                the next record behind damage; pieces: a capture that grows, record by record
    wireshark           every other format, through tshark (extra program)

Imports: all other packages of `capture` but `joining`. A format is a module here, and a row in `reader`; the second
opinion of the tests is tshark.
"""
