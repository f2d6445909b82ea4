"""Every request that could come: the questions that need no capture.

In come configurations; out goes what becomes of each kind of request. The space is divided by the configurations' own
words: the bounds of their address rules, the ports that these name, the names of endpoints, the sockets that listen.
Two requests that no word tells apart get the same answer, so one of each kind is replayed and the answer is complete.

    cells     runs of addresses that the same identifies match
    doors     who gets in: by which identifier, from where, with or without a password
    axes      the words, and the kinds of requests that they make
    differ    the kinds whose endpoint changes between two configurations
    expect    a file that says who gets where: is it so?
    admits    what each address of a list would change

What cannot be enumerated (regular expressions, `line` tokens, masks with holes) is said. Imports: `explain` makes the
requests, `asterisk.replay` answers. Another question is a module here; another identifier is a row of `axes.SAYS`.
"""
