"""Formats of captures: pcap, pcapng, logs of Asterisk, and what Wireshark reads."""
