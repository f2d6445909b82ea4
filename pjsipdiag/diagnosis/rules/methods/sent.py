"""What others answer to the PBX itself: registrations that fail, so that no call comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pjsipdiag.asterisk.config import Config, Registration
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import counted, listed
from pjsipdiag.diagnosis.rules.wire import signs
from pjsipdiag.diagnosis.situation import Exchange, Situation
from pjsipdiag.sip import SipMessage, parameter, parse_uri

MEANINGS: dict[int, tuple[str, str]] = {
    401: ("the credentials are refused", "compare outbound_auth with what the provider gave you"),
    403: (
        "the account, its password or this address is refused",
        "compare user name, password and domain (client_uri, outbound_auth) with what the provider gave you; ask it"
        " whether the account is open and the address permitted",
    ),
    404: ("the provider does not know that user", "correct the user in client_uri"),
    407: ("the credentials are refused", "compare outbound_auth with what the provider gave you"),
    408: ("the provider's server gave up", "ask the provider"),
    423: ("the interval is too brief", "raise expiration= of the registration"),
    480: ("the provider does not take it now", "ask the provider"),
    503: ("the provider's server is not available", "ask the provider; another server_uri may work"),
}
_ELSE = ("the provider refuses it", "ask the provider what that answer means")


def registration_refused(situation: Situation) -> Iterable[Finding]:
    """Registrations of the PBX that nobody accepted."""
    for exchange in situation.own:
        refused = {} if exchange.succeeded else exchange.refused
        if exchange.method == "REGISTER" and (refused or (exchange.is_silent and exchange.requests > 1)):
            yield _finding(situation, exchange)


def _finding(situation: Situation, exchange: Exchange) -> Finding:
    statuses = exchange.refused
    status = max(statuses, key=lambda code: (code not in (401, 407), statuses[code], code), default=0)
    known = next(filter(None, (registration_of(situation.config, one) for one in exchange.asked)), None)
    name = f"registration [{known.name}] ({known.where})" if known else "a registration that the files do not have"
    meaning, advice = MEANINGS.get(status, _ELSE)
    if status:
        count = statuses[status]
        message = (
            f"{exchange.server} refuses the PBX's own REGISTER with {status} ({counted(count, 'time')}): {meaning};"
            f" it is {name}"
        )
    else:
        message = (
            f"{exchange.server} never answers the PBX's own REGISTER ({counted(exchange.requests, 'request')}); it is"
            f" {name}"
        )
        advice = "check server_uri, the way there (firewall, DNS, outbound_proxy) and the transport"
    if status in (401, 407) and not exchange.proven:
        meaning, advice = _unproven(known)
        message = f"{exchange.server} challenges the PBX's own REGISTER ({status}), and {meaning}; it is {name}"
    return Finding(
        "registration-refused",
        Severity.ERROR,
        message,
        known.where if known else None,
        (exchange.server,),
        0,
        (
            "a provider that refuses the registration sends no calls",
            *_users(exchange),
            *_challenge(exchange),
            *_said(exchange, status),
            *(signs.about_requests(situation, exchange.server) if exchange.is_silent else ()),
        ),
        advice=f"{advice}; then `pjsip send register {known.name if known else '*all'}` tries again",
    )


def _unproven(known: Registration | None) -> tuple[str, str]:
    if known is not None and known.option("outbound_auth") is None:
        return "the registration has no outbound_auth", f"write outbound_auth= in [{known.name}] and its type=auth"
    return (
        "no credentials follow",
        "compare realm and algorithm of the challenge with the auth section: one with another realm= is not used, and"
        " SHA-256 needs Asterisk 20.12, 21.7 or 22.2",
    )


def registration_of(config: Config, register: SipMessage) -> Registration | None:
    """The registration that sends this REGISTER: by user and server, else by user alone."""
    sender, server = parse_uri(register.header("To")), parse_uri(register.request_uri)
    if sender is None or server is None:
        return None
    found = []
    for one in config.registrations.values():
        client, target = parse_uri(one.client_uri), parse_uri(one.server_uri)
        if client is not None and client.user == sender.user:
            found.append(((target is not None and target.host == server.host) + (client.host == sender.host), one))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _registered(register: SipMessage) -> str:
    value = register.header("To")
    return value.partition(";tag")[0] if parse_uri(value) is not None else "what is no SIP URI"


def _users(exchange: Exchange) -> Iterator[str]:
    users = dict.fromkeys(map(_registered, exchange.asked))
    sent = counted(exchange.requests, "request")
    yield f"it registers {listed(list(users))}: {sent}, {exchange.proven} with credentials"


def _challenge(exchange: Exchange) -> Iterator[str]:
    for status in (401, 407):
        for answer in exchange.answers.get(status, ())[:1]:
            values = [*answer.values("WWW-Authenticate"), *answer.values("Proxy-Authenticate")]
            for value in values:
                wanted = ";" + value.partition(" ")[2].replace(",", ";")
                algorithm = parameter(wanted, "algorithm") or "MD5"
                yield f"the challenge asks for realm {parameter(wanted, 'realm')!r} with {algorithm}"


def _said(exchange: Exchange, status: int) -> Iterator[str]:
    for answer in exchange.answers.get(status, ())[:1]:
        yield f"the answer: {answer.first_line}"
        for name in ("Reason", "Warning", "Min-Expires", "Retry-After", "Contact", "Server"):
            if answer.values(name):
                yield f"{name}: {answer.header(name)[:200]}"
