"""Requests outside of calls: what Asterisk does with each method, and what others do with those of the PBX.

In come the exchanges of a situation (`calls.outside`): requests of one method between two hosts, with their answers
by status. Out come findings, one for each host and refusing status.

    explanations        (method, status) -> why Asterisk answers so, by which line, and what to do
    credential_check    credentials that came, held against those of the files, in words
    refused_requests    which were refused, by what the files do with them; those of many strangers
    unidentified        nothing takes them: a section that did not load, a module, a port, a name, as for calls
    received            what the PBX refused: registrations, keep-alives, subscriptions, messages
    unknown_calls       requests inside of calls that it does not know
    sent                what others refused of the PBX: calls and other requests
    own_registrations   its registrations, refused or unanswered, all or some
    own_pings           its OPTIONS: what refusals mean, and answers that turned
    turned_answers      a success at one time, a refusal or silence at another

A refusal by identification, access list or credentials is the same for every method and stands in `received`; what a
module answers afterwards is a row of EXPLAINED. Imports: the other rules' causes and evidence.
"""
