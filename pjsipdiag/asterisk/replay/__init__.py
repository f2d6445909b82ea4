"""The walk over the identifiers and what follows it, from a request to a Verdict with its trace.

In come a Config and a request with its source and transport; out comes the Verdict: outcome, endpoint, status, and each
step with the file and line that decided it. The verdict is what the steps say, so that both never differ.

    prepared         a Config made ready for many requests
    arrival          what happens before: parsing, the transport, the distributor (pjsip_distributor.c)
    identifiers      the walk; by_name, by_address and by_text are the identifiers
    admission        what follows: ACL, authentication (res_pjsip_acl.c, pjsip_distributor.c)
    session          what an endpoint demands of a call beside that (res_pjsip_session.c)
    digest_check     credentials held against the files, where these have the password
    alike            requests that the walk cannot tell apart, so that a scan is replayed once

Imports: everything else of `asterisk`; `diagnosis` asks it. An identifier is a function and a row of IDENTIFIERS.
"""
