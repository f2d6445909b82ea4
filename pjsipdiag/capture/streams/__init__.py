"""Streams: TCP put in order, SIP messages, WebSocket and HEP in it."""
