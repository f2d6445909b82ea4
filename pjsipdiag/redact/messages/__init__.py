"""SIP messages with stand-ins: as good or as broken as the plain ones, and told apart as they are.

In come the bytes of a message, out come those that can be posted.

    sip_message     lines, headers, URIs and SDP; of what is left out, how much
    protocol_words  the words that may stay in them: whatever is no word of the protocol is somebody's
    header_fault    keeps a request dropped that PJSIP drops

Imports: `asterisk` and the stand-ins of `redact`. A header whose value may stay is a word of `protocol_words`; the
tests put secrets in every place and find none after.
"""
