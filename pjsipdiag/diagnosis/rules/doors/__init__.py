"""Calls that came through a door which was not meant for them.

In come the groups of calls and the exchanges of a situation, each with its verdict; out come findings although the
calls were answered, for an answer does not show who called. `space.doors` lists the doors of a configuration; those
that stand open are findings, too.

    strangers     reach an endpoint without a password by what anybody can say; which doors stand open to them
    telephones    were taken by the rule of a trunk that is too wide, with calls or registrations

Imports: the causes, the signs of scanners, `order.everybody`, `methods.credential_check`, `refusals.otherwise`, and the
evidence. What opens a door is said by the identifier in the verdict: `username` and `auth_username` believe what the
caller says, `ip`, `header` and `request_uri` what a rule says of him.
"""
