"""Socket addresses and the rules of `match=`, `permit=` and `deny=`: parsed, tested, indexed.

In comes the text of an option or the source of a packet; out come an address, an AddressRule, or the rules that decide
about an address. Nothing of Asterisk's objects is known here.

    sockaddr        text -> address and port (ast_sockaddr_parse, main/netsock2.c)
    address_rule    the law of one rule: what it takes, what it spans (main/acl.c)
    match           the value of an option -> rules (main/acl.c)
    index           the rules of many identifies, found by address in a few look-ups

Imports: `config` and `sip` only; `loading`, `replay` and `diagnosis` ask this package. What a rule takes, its first and
last address or its length stand in `address_rule`, and nowhere else.
"""
