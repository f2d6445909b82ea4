"""Evidence that ties a source to the configuration, and who says so.

In come a source of calls and a Config; out come the endpoints that it may belong to, each with its signs. A sign is the
configuration's, the PBX's own doing, or a claim of the sender: claims never make a suggestion likely.

    readable_addresses    addresses as people see them, and by how much a rule misses one
    lookup                which identifies have a rule for an address, loaded or not
    vicinity              which addresses an endpoint's own lines speak for
    trunks                what the files know of each trunk: networks, names, users, transport
    without_effect        addresses in comments, and in files that nothing includes
    look_alikes, near_patterns    names that look like another, patterns that a message has but for case
    owners                the signs of a source, weighed by who may own it
    offers, sdp           what a refused INVITE offered
    sdp_faults            why PJSIP cannot read that
    called_numbers        whether the dialplan takes what a call asks for
    quoted                words of others that the sentences of findings hold, for redaction
    seen                  when, between whom and by which Call-IDs a finding's calls are found elsewhere

Imports: `model`, `situation` and `asterisk`; `rules` and `repairs` ask it. A new sign is a function of
`owners` with its owner.
"""
