"""The parts of pjsipdiag that know Asterisk: what its files load, and what it does with a request.

In come the files of /etc/asterisk (or what stands in their place) and single SIP requests; out come a Config and, for
each request, a Verdict with its trace. Nothing here knows captures or reports.

    reasons      why things are as they are: kinds with fields, and their sentences
    releases     which releases there are and what they differ in: everybody below may ask it
    addresses    socket addresses, and the rules of match=, permit= and deny=
    ere          regular expressions as the C library reads them
    files        text of the files -> sections
    pjsip        SIP as PJSIP parses it
    dialplan     which numbers exist in which context, as pbx_config loads extensions.conf
    loading      sections -> Config, as sorcery loads them
    realtime     sections that stand in the tables of a database
    live         a running Asterisk -> Config
    forms        usual headers, known without PJSIP's parser
    replay       request + Config -> Verdict
    section, config, verdict    the frozen data between them; secrets says what is never shown

Imports go upwards in this list. A rule of Asterisk goes where its C file is replayed; each docstring names that file.
"""
