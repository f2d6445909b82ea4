"""Whether the dialplan of the files takes a number that a call asks for, as `new_invite` asks (res_pjsip_session.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from operator import eq

from pjsipdiag.asterisk.config import Config, Endpoint
from pjsipdiag.asterisk.dialplan.contexts import Dialplan
from pjsipdiag.asterisk.dialplan.find import LONGEST_NUMBER, Destination, Presence, find
from pjsipdiag.asterisk.files.lines import parse_bool
from pjsipdiag.sip import SipMessage, parse_uri

LEAST_DIGITS = 3
"""Digits that are left of a number when prefixes are taken off."""
LONGEST_COUNTRY_CODE = 3
LEAST_MISSPELT = 5
"""Letters of a name in which one that is wrong is a slip: in shorter ones it may be meant."""
_AROUND = re.compile(r"^[\"'\s]+|\s*[,|].*$|[\"'\s]+$")
"""Quotes around the name of a context, and the extension and priority that other options have behind it."""
_STAND_IN = re.compile(
    r"\+?[\d().-]*+[xX*]{3,}+[\dxX*().-]*+"
    r"|(?=[\w.+-]*+\Z).*?(?i:redacted|removed|hidden|masked|censored|(?:anonymi|saniti)[sz]ed).*+"
    r"|.*\.invalid"
)
"""A number whose digits somebody replaced, a word in its place, or a name that stands for what no parser takes."""


def number(config: Config, request_uri: str) -> str:
    """The extension that a call asks for."""
    uri = parse_uri(request_uri)
    user = uri.user if uri else ""
    return user.partition(";")[0] if config.globals.ignore_uri_user_options else user


def find_destination(dialplan: Dialplan, endpoint: Endpoint, user: str, message: SipMessage) -> Destination:
    """Whether the endpoint's context takes a number."""
    other = endpoint.value("overlap_context") if dialplan.by_caller else ""
    found = _in(dialplan, other or endpoint.context, endpoint, user, message)
    if found.presence is not Presence.FOUND and _is_hidden(user, message):
        return Destination(Presence.UNKNOWN, "the number was replaced before the text was handed over")
    return found


def _is_hidden(user: str, message: SipMessage) -> bool:
    """Whether something stands in place of the number that was dialled."""
    uri = parse_uri(message.request_uri) if not user else None
    return _STAND_IN.fullmatch(user or (uri.host if uri else "")) is not None


def contexts_with(
    config: Config, endpoint: Endpoint, users: Sequence[str], message: SipMessage, changed: Config | None = None
) -> Iterator[str]:
    """Contexts that take all of these numbers: those whose names differ in case alone, those of which the name may be a
    slip where there is no context of that name, and those of other endpoints, as long as nobody else is in them: a
    telephone's context lets whoever has it call out. Of the `changed` configuration the endpoint may be, the others are
    those that there were."""
    dialplan = config.dialplan()
    assert isinstance(dialplan, Dialplan)
    meant = {endpoint.context.lower(), _AROUND.sub("", endpoint.context).lower()}
    alike = [name for name in dialplan.contexts if name.lower() in meant]
    is_missing = endpoint.context not in dialplan.contexts
    close = [name for name in dialplan.contexts if is_slip(endpoint.context, name)] if is_missing else []
    identified = {identify.endpoint for identify in config.identifies}
    takes_addresses = any(identify.endpoint == endpoint.name for identify in (changed or config).identifies)
    kinds: dict[str, set[tuple[object, bool]]] = {}
    for one in config.endpoints.values():
        kinds.setdefault(one.context, set()).add((one.auth, one.name in identified))
    own = {(endpoint.auth, takes_addresses)}
    for name in dict.fromkeys([*alike, *close, *(name for name, found in kinds.items() if found == own)]):
        found = [_in(dialplan, name, endpoint, user, message) for user in users]
        if name != endpoint.context and all(one.presence is Presence.FOUND for one in found):
            yield name


def is_slip(name: str, right: str) -> bool:
    """Whether one letter of a name is wrong, missing, too many, or in the place of its neighbour. More is no slip:
    whoever has a trunk in from-internal, as from-external is not there, lets strangers call out."""
    same = sum(takewhile(bool, map(eq, name, right)))
    one, two = name[same:], right[same:]
    swapped = one[:2] == two[1::-1] and one[2:] == two[2:]
    return len(name) >= LEAST_MISSPELT and (one[1:] in (two, two[1:]) or one == two[1:] or swapped)


def spelt_otherwise(
    dialplan: Dialplan, endpoint: Endpoint, user: str, message: SipMessage
) -> tuple[str, Destination] | None:
    """Another way to write a number that the endpoint's context takes: without +, 00 or leading digits, or with +; with
    0 in the place of a country code; a name with other capitals."""
    if len(user) > LONGEST_NUMBER:
        return None
    digits = user.removeprefix("+").removeprefix("00")
    shorter = [digits[at:] for at in range(1, len(digits) - LEAST_DIGITS + 1)]
    national = [f"0{rest}" for rest in shorter[:LONGEST_COUNTRY_CODE]] if digits != user else []
    numbers = (digits, f"+{digits}", f"00{digits}", f"0{digits}", *national, *shorter)
    for other in numbers if digits.isdigit() else (user.lower(), user.upper(), user.capitalize(), user.title()):
        found = find_destination(dialplan, endpoint, other, message)
        if other != user and found.presence is Presence.FOUND:
            return other, found
    return None


def _in(dialplan: Dialplan, context: str, endpoint: Endpoint, user: str, message: SipMessage) -> Destination:
    overlap = parse_bool(endpoint.value("allow_overlap", "yes"))
    return find(dialplan, context, user, _caller(endpoint, message), overlap=overlap)


def _caller(endpoint: Endpoint, message: SipMessage) -> str | None:
    """The caller's number, None where something else than From may tell it."""
    trusted = parse_bool(endpoint.value("trust_id_inbound", "no"))
    told = message.header("P-Asserted-Identity") or message.header("Remote-Party-ID")
    if endpoint.value("callerid") or (trusted and told):
        return None
    uri = message.from_uri
    return uri.user if uri else ""
