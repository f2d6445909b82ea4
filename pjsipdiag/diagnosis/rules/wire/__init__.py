"""Signs on the wire beside SIP: packets that came back, connections that ended, answers that nobody acknowledged.

In come the signs of a situation (`capture.signs`) and the calls whose answers were sent again and again; out come
findings, and sentences for the findings of others that they speak for.

    meanings    what an ICMP error or a TLS alert says, and what to do: literal tables
    bounces     whose packet or connection it was: the finding, and the sentences
    acks        final answers that the PBX repeats because no ACK reaches it
    replaced    sources that Asterisk sees as others
    pauses      from when to when answers stopped, and who got them meanwhile
    one_direction    who was answered, where the INVITE is in no capture

A sign is somebody's word, and everybody can write an ICMP error: it says where to look, no suggestion rests on it.
Imports: causes, evidence and `methods`; `network`, `methods` and `no_calls` ask for the sentences.
"""
