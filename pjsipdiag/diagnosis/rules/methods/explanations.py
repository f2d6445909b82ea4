"""Why Asterisk refuses a request of another method than INVITE, once an endpoint was found: one row for each answer.

Replays what res_pjsip_registrar.c, res_pjsip_pubsub.c, res_pjsip_messaging.c and res_pjsip/pjsip_options.c answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pjsipdiag.asterisk.config import Aor, Config, Endpoint
from pjsipdiag.asterisk.dialplan.find import Presence, find
from pjsipdiag.asterisk.files.lines import parse_bool
from pjsipdiag.asterisk.replay.digest_check import credentials
from pjsipdiag.asterisk.section import Variable, Where
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.evidence.called_numbers import number
from pjsipdiag.sip import SipMessage, parse_uri


class RefusalReason(NamedTuple):
    """The reason in words, the line that leads to it, what to do, what speaks for it, and the type of what is to be
    changed where it is another than that of most refusals (`Finding.changes`)."""

    text: str
    where: Where | None = None
    advice: str = ""
    evidence: tuple[str, ...] = ()
    changes: str = ""


Explains = Callable[[Config, Endpoint, SipMessage], RefusalReason]


def user_of(message: SipMessage) -> str:
    """The user of the To header: a registration is for the AOR of that name."""
    uri = parse_uri(message.header("To"))
    return uri.user if uri else ""


def let_name_find(endpoint: Endpoint) -> str:
    """Advice that lets the From user find an endpoint. Without a password everybody who says its name would get in."""
    password = "" if endpoint.auth else f"give [{endpoint.name}] auth=, as it asks for no password, and "
    return f"{password}add username to identify_by of [{endpoint.name}] (as in username,ip)"


def aor_of(config: Config, endpoint: Endpoint, message: SipMessage) -> Aor | None:
    """The AOR that a REGISTER means (find_registrar_aor): one of the endpoint's that is named as its To header says, or
    as its credentials say where the endpoint is identified by them."""
    uri, by = parse_uri(message.header("To")), endpoint.identify_by
    callers = [(_without_options(uri.user, config), uri.host)] if uri else []
    if "auth_username" in by:
        logins = [(one.get("username", ""), one.get("realm", "")) for one in credentials(message)]
        asked_first = "username" not in by or by.index("auth_username") < by.index("username")
        callers = [*logins, *callers] if asked_first else [*callers, *logins]
    names = (name for user, domain in callers for name in _aor_names(config, user, domain))
    return next((config.aors.get(name) for name in names if name and name in endpoint.aors), None)


def _aor_names(config: Config, user: str, domain: str) -> Iterator[str]:
    """The names that find_aor_name() looks for, in order."""
    yield f"{user}@{domain}"
    if domain in config.domain_aliases:
        yield f"{user}@{config.domain_aliases[domain].domain}"
    yield user


def _without_options(user: str, config: Config) -> str:
    return user.partition(";")[0] if config.globals.ignore_uri_user_options else user


def _written(variable: Variable | None, otherwise: str) -> str:
    return f"{variable.name}={variable.value} ({variable.where})" if variable else otherwise


def _no_aors(config: Config, endpoint: Endpoint, message: SipMessage) -> RefusalReason:
    """403: no aors= at all, max_contacts 0, or more contacts than max_contacts."""
    if not endpoint.aors:
        return RefusalReason(
            f"endpoint {endpoint.name} has no aors=, so nobody can register with it",
            endpoint.where,
            f"write a type=aor section named {user_of(message) or 'as the telephone registers'} with max_contacts=1,"
            f" and aors= with its name in [{endpoint.name}]",
        )
    aor = aor_of(config, endpoint, message)
    if aor is None:
        return RefusalReason(
            f"none of the AORs of endpoint {endpoint.name} that the files have is refused with 403",
            endpoint.line_of("aors"),
            "compare `pjsip show aors` with the files, then `pjsip reload`",
        )
    most = aor.option("max_contacts")
    if most is None or most.value.strip() == "0":
        return RefusalReason(
            f"AOR {aor.name} takes no registration: {_written(most, 'it has no max_contacts')}, and the default is 0",
            most.where if most else aor.where,
            f"set max_contacts=1 (or how many telephones register) in [{aor.name}]",
        )
    if parse_bool(aor.value("remove_existing")):
        return RefusalReason(
            f"it has more contacts itself than AOR {aor.name} takes, though old ones give way: {_written(most, '')}",
            most.where,
            f"raise max_contacts in [{aor.name}], or have the telephone register fewer contacts at once",
        )
    return RefusalReason(
        f"AOR {aor.name} has as many contacts as it may have: {_written(most, '')}",
        most.where,
        f"raise max_contacts in [{aor.name}], or set remove_existing=yes: the newest contact then replaces the oldest",
    )


def _no_aor(config: Config, endpoint: Endpoint, message: SipMessage) -> RefusalReason:
    """404: no AOR of the endpoint is named as the telephone registers."""
    user = user_of(message)
    aor = aor_of(config, endpoint, message)
    by = ",".join(endpoint.identify_by)
    names = ", ".join(endpoint.aors) or "none"
    unasked = not {"username", "auth_username"} & {*endpoint.identify_by}
    where = endpoint.line_of("aors")
    if aor is not None and unasked:
        return RefusalReason(
            f"AOR {aor.name} is there, but identify_by={by} of endpoint {endpoint.name} leaves no user name to look"
            " for it with (\"AOR '' not found\"): before 20.21, 22.11 and 23.5 only what it names is looked at",
            endpoint.line_of("identify_by"),
            let_name_find(endpoint),
        )
    dropped = next((one for one in config.dropped if one.type == "aor" and one.name in endpoint.aors), None)
    if aor is None and dropped is not None:
        return RefusalReason(
            f"AOR {dropped.name} of endpoint {endpoint.name} is in {dropped.where.file}, but Asterisk does not load it"
            f" because of {dropped.where.phrase}: {dropped.reason}",
            dropped.where,
            f"correct {dropped.where.phrase}, then reload and look for {dropped.name} in `pjsip show aors`",
        )
    missing = [name for name in endpoint.aors if name not in config.aors]
    gone = f"; {', '.join(missing)} is no type=aor section" if missing else ""
    text = f"no AOR of endpoint {endpoint.name} is named {user!r} (aors={names}){gone}"
    if unasked:
        text += f", and identify_by={by} leaves no user name to look for one with"
    return RefusalReason(
        text,
        where,
        f"name the AOR as the telephone registers: a type=aor section [{user}] with max_contacts, and aors={user} in"
        f" [{endpoint.name}]; or have the telephone register as {endpoint.aors[0] if endpoint.aors else 'the AOR'}"
        + (f"; and {let_name_find(endpoint)}" if unasked else ""),
    )


def _no_such(what: str, advice: str, option: str = "context") -> Explains:
    def explain(_config: Config, endpoint: Endpoint, message: SipMessage) -> RefusalReason:
        uri = parse_uri(message.request_uri)
        words = {"endpoint": endpoint.name, "user": uri.user if uri else "", "context": _context(endpoint, option)}
        words["event"] = _event(message)
        return RefusalReason(what.format(**words), endpoint.line_of(option), advice.format(**words))

    return explain


def _event(message: SipMessage) -> str:
    """A blank and the event that a request names, where it is a known one: any other word is the sender's."""
    event = message.header("Event").partition(";")[0].strip().lower()
    return f" ({event})" if event in EVENTS else ""


def _no_extension(what: str, advice: str, option: str = "context") -> Explains:
    """Explains as `_no_such` does, unless the dialplan of the files has that extension, or does not tell."""

    def explain(config: Config, endpoint: Endpoint, message: SipMessage) -> RefusalReason:
        why, dialplan = _no_such(what, advice, option)(config, endpoint, message), config.dialplan()
        user, context = number(config, message.request_uri), _context(endpoint, option)
        found = find(dialplan, context, user, overlap=False) if dialplan and user else None
        if found is None or found.presence is Presence.MISSING:
            return why
        place = f"{found.reason} ({found.where})" if found.where else found.reason
        if found.presence is Presence.UNKNOWN:
            return why._replace(text=f"{why.text}; whether the files have it is unknown: {place}")
        return RefusalReason(
            f"the files take {user} in context {context} ({place}): Asterisk ran another dialplan than theirs",
            why.where,
            f"`dialplan reload`, then compare `dialplan show {user}@{context}` with extensions.conf",
            changes="dialplan",
        )

    return explain


UNKNOWN_TAG = RefusalReason(
    "its To header has a tag, so it says that it belongs to a call or a subscription, and the PBX knows no such one, or"
    " not any more: identification and match= have no part in it",
    None,
    "nothing, if it comes once after a restart or where both ends hang up at once; else have the sender begin anew,"
    " without that tag",
)
"""The reason for 481, whoever asks and whatever takes him (mod_ua_on_rx_request, pjsip/sip_ua_layer.c)."""


def explain_unhandled(method: str, status: int) -> RefusalReason:
    """Why a method is refused that nothing takes (endpt_on_rx_msg of PJSIP answers 501)."""
    module = MODULES_OF_METHODS.get(method)
    wanted = f"load {module} where it is wanted (`module show like {module}`), or" if module else ""
    doubt = "" if status == 501 else "; Asterisk answers 501 to that, so look at what else answers there, too"
    return RefusalReason(
        f"no module takes {method} outside of calls{doubt}", None, f"{wanted} have the sender leave it out".strip()
    )


MODULES_OF_METHODS = {
    "REGISTER": "res_pjsip_registrar",
    "SUBSCRIBE": "res_pjsip_pubsub",
    "PUBLISH": "res_pjsip_pubsub",
    "NOTIFY": "res_pjsip_pubsub",
    "MESSAGE": "res_pjsip_messaging",
}
"""The modules that take a method outside of calls."""


def _context(endpoint: Endpoint, option: str) -> str:
    return (endpoint.value(option) if option.endswith("context") else "") or endpoint.context


EVENTS = frozenset(
    {
        *("presence", "dialog", "message-summary", "conference", "reg", "refer", "ua-profile", "as-feature-event"),
        *("call-info", "line-seize", "keep-alive", "talk", "hold", "check-sync", "sla", "call-completion", "xcap-diff"),
        *("kpml", "vq-rtcpxr"),
    }
)
"""Events that telephones and servers ask for."""
_EVENT = "no module of this Asterisk handles its Event{event} (res_pjsip_exten_state, res_pjsip_mwi, res_pjsip_pidf...)"
EXPLANATIONS: dict[tuple[str, int], Explains] = {
    ("REGISTER", 400): _no_such(
        "its Contact headers are refused: `*` goes with Expires 0 and no other Contact, and a URI may be too long",
        "have the telephone corrected",
    ),
    ("REGISTER", 403): _no_aors,
    ("REGISTER", 404): _no_aor,
    ("REGISTER", 416): _no_such(
        "its To header is no sip: or sips: URI", "have the telephone register its sip: address", "aors"
    ),
    ("REGISTER", 420): _no_such(
        "it has a Path header and no `Supported: path`, which support_path=yes of its AOR asks for",
        "have whoever adds the Path add `Supported: path`, too, or leave support_path out of the AOR",
        "aors",
    ),
    ("REGISTER", 423): _no_such(
        "its Expires is below what is allowed; Asterisk itself raises it to minimum_expiration, so something else"
        " answers",
        "have the telephone register for longer, or look for what stands before Asterisk",
    ),
    ("REGISTER", 500): _no_such(
        "the contact could not be stored (astdb or database), or an auth= of {endpoint} names no section",
        "look for WARNING and ERROR lines about the AOR in Asterisk's log",
        "auth",
    ),
    ("OPTIONS", 404): _no_extension(
        "context {context} of endpoint {endpoint} has no extension {user!r}: OPTIONS with a user ask the dialplan",
        "let the sender ask without a user, or write that extension; most providers take any answer as alive",
    ),
    ("OPTIONS", 503): _no_such(
        "Asterisk is about to stop, and takes no new calls (`core stop gracefully`, `core restart gracefully`)",
        "wait until it has restarted; `core abort shutdown` goes on",
    ),
    ("SUBSCRIBE", 400): _no_such(
        "its Expires is 0, which ends a subscription, and Asterisk knows none that it could end",
        "nothing, if it comes once after a restart; else have the telephone subscribe first",
    ),
    ("SUBSCRIBE", 404): _no_such(
        "nothing is named {user!r}: no hint in subscribe_context or context of endpoint {endpoint}, or no mailbox",
        "write a hint for {user} in that context (`core show hints`), or mailboxes= in the AOR",
        "subscribe_context",
    ),
    ("SUBSCRIBE", 423): _no_such(
        "its Expires is shorter than sub_min_expiry of endpoint {endpoint}",
        "lower sub_min_expiry in [{endpoint}], or have the telephone subscribe for longer",
        "sub_min_expiry",
    ),
    ("SUBSCRIBE", 489): _no_such(_EVENT, "load the module for that Event, or switch the subscription off"),
    ("SUBSCRIBE", 603): _no_such(
        "endpoint {endpoint} has allow_subscribe=no", "set allow_subscribe=yes in [{endpoint}]", "allow_subscribe"
    ),
    ("PUBLISH", 403): _no_such(
        "the inbound-publication {user!r} belongs to another endpoint than {endpoint}",
        "correct endpoint= in its type=inbound-publication section",
    ),
    ("PUBLISH", 404): _no_such(
        "no type=inbound-publication section is named {user!r}, or it lacks the event",
        "write one, or switch PUBLISH off at the sender",
    ),
    ("PUBLISH", 412): _no_such(
        "its SIP-If-Match names no publication that Asterisk holds: it forgets them when it restarts",
        "nothing, if it comes once after a restart; else have the sender publish anew",
    ),
    ("PUBLISH", 489): _no_such(
        "no module of this Asterisk takes its Event{event}: res_pjsip_publish_asterisk takes asterisk-devicestate and"
        " asterisk-mwi of other Asterisks, and nothing takes the presence of telephones",
        "switch PUBLISH off at the sender, unless it is an Asterisk: then load that module",
    ),
    ("MESSAGE", 404): _no_extension(
        "context {context} of endpoint {endpoint} (message_context, else context) has no extension {user!r}",
        "write that extension in {context}, or set message_context in [{endpoint}]",
        "message_context",
    ),
    ("MESSAGE", 415): _no_such(
        "its body is no text/plain (Asterisk takes nothing else outside of a call)", "have the sender send text/plain"
    ),
    ("NOTIFY", 404): _no_such(
        "Asterisk takes message counts outside of a subscription for an endpoint with incoming_mwi_mailbox=BOX@CONTEXT"
        " only, and if it understands the body",
        "set incoming_mwi_mailbox in [{endpoint}], or switch such NOTIFYs off at the sender",
        "incoming_mwi_mailbox",
    ),
    ("NOTIFY", 481): _no_such(
        "it belongs to no subscription that Asterisk knows",
        "nothing, if it comes once after a restart; else have the sender end it",
    ),
    ("NOTIFY", 489): _no_such("nobody here subscribed to its Event{event}", "switch such NOTIFYs off at the sender"),
    ("NOTIFY", 501): _no_such(
        "outside of a subscription Asterisk takes message counts (application/simple-message-summary) only",
        "switch such NOTIFYs off at the sender",
    ),
}
"""(method, status) -> why an identified request got it."""
