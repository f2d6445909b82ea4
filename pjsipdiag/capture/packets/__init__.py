"""Packets: link types, IP, fragments and tunnels, down to UDP datagrams and TCP segments."""
