"""Values of `match=`, `permit=` and `deny=`: the rules and host names in them, or why Asterisk refuses them.

The law is `append_ha_core` (main/acl.c) and, for `match=`, `ip_identify_match_handler`
(res_pjsip_endpoint_identifier_ip.c).
"""

from __future__ import annotations

import re

from pjsipdiag.asterisk.addresses import sockaddr
from pjsipdiag.asterisk.addresses.address_rule import BITS, full_mask
from pjsipdiag.asterisk.config import AddressRule
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import dataclass

BLANKS = "".join(map(chr, range(33)))
"""The characters that `ast_strip` cuts off."""

_SCANF_INT = re.compile(r"[ \t\n\v\f\r]*([+-]?\d+)")


@dataclass(frozen=True, slots=True)
class MatchValue:
    """A `match=` value taken apart: rules in order, host names in order, and Asterisk's words where it refuses."""

    rules: tuple[AddressRule, ...] = ()
    hosts: tuple[str, ...] = ()
    refusal: str = ""
    text: str = ""
    """The part of the value that was refused."""


def parse_match(value: str, where: Where, *, ports: bool = True) -> MatchValue:
    """One `match=` value; `ports` is whether the release takes source ports (`match_ports`).

    What is not an address is a host name, to be resolved later; a refusal drops the whole identify.
    """
    rules: list[AddressRule] = []
    hosts: list[str] = []
    for part in value.split(","):
        text = part.strip(BLANKS)
        if not text:
            continue
        if "/" in text or sockaddr.parse(text) is not None:
            found, refused = parse_rules(text, ports=ports, deny=False, where=where)
            rules += found
            if refused:
                return MatchValue(tuple(rules), tuple(hosts), refused, text)
        else:
            hosts.append(text)
    return MatchValue(tuple(rules), tuple(hosts))


def parse_rules(text: str, *, ports: bool, deny: bool, where: Where) -> tuple[tuple[AddressRule, ...], str]:
    """The rules of an access list value, and Asterisk's words where it refuses one ("" when it takes all).

    `deny` is the sense of a rule without `!`: False for `permit=` and `match=`, True for `deny=`. With `ports` an
    address may carry a port; without, a port makes it invalid.
    """
    rules: list[AddressRule] = []
    for part in text.split(","):
        rule = _rule(part, ports=ports, deny=deny, where=where)
        if isinstance(rule, str):
            return tuple(rules), rule
        rules.append(rule)
    return tuple(rules), ""


def host_rule(address: sockaddr.NumericAddress, host: str, text: str, where: Where) -> AddressRule:
    """The rule for one address of a resolved name (`ip_identify_match_host_lookup`)."""
    version, ip, port = sockaddr.unmap(address)
    return AddressRule(version, ip, full_mask(version), port, False, text, where, host)


def _rule(text: str, *, ports: bool, deny: bool, where: Where) -> AddressRule | str:
    address_text, slash, mask_text = text.partition("/")
    negated = address_text.startswith("!")
    if negated:
        address_text = address_text[1:]
    parsed = sockaddr.parse(address_text, ports=ports)
    if parsed is None:
        return f"Invalid IP address: {address_text}"
    address = sockaddr.unmap(parsed)
    mask = _mask(mask_text, address.version) if slash else full_mask(address.version)
    if isinstance(mask, str):
        return mask
    return AddressRule(address.version, address.ip & mask, mask, address.port, deny ^ negated, text, where)


def _mask(text: str, version: int) -> int | str:
    if ":" in text or "." in text:
        parsed = sockaddr.parse(text, ports=False)
        if parsed is None:
            return f"Invalid netmask: {text}"
        mask = sockaddr.unmap(parsed)
        return mask.ip if mask.version == version else "Address and mask are not using same address scheme."
    bits = BITS[version]
    matched = _SCANF_INT.match(text)
    length = _c_int(matched[1][:30]) if matched else -1
    if not 0 <= length <= bits:
        return f"Invalid CIDR netmask: {text}"
    return full_mask(version) ^ ((1 << bits - length) - 1)


def _c_int(digits: str) -> int:
    """The int that sscanf("%30d") stores: the lower 32 bits of a C long, which stays within 64 bits."""
    value = max(-(2**63), min(int(digits), 2**63 - 1)) & 0xFFFFFFFF
    return value - 2**32 if value >> 31 else value
