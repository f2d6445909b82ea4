"""Redacts configuration values, by the names of their options.

Switches, numbers and lists of fixed words stay as they are; names, hosts and addresses get their stand-ins; secrets and
free text are blanked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache

from pjsipdiag.asterisk.addresses.address_rule import BITS, is_prefix, network_of
from pjsipdiag.asterisk.addresses.match import BLANKS, parse_match, parse_rules
from pjsipdiag.asterisk.config import AddressRule
from pjsipdiag.asterisk.loading.object_options import OBJECT_TYPES, names
from pjsipdiag.asterisk.loading.resolve import could_resolve
from pjsipdiag.asterisk.loading.values.codecs import FORMAT_NAMES
from pjsipdiag.asterisk.releases import REPRESENTATIVES
from pjsipdiag.asterisk.section import Where
from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.messages.sip_message import MessageRedactor

ADDRESS_LISTS = frozenset({"match", "permit", "deny", "contact_permit", "contact_deny", "local_net", "remote_hosts"})
NAME_OPTIONS = frozenset({
    "acl", "aors", "auth", "contact_acl", "context", "default_outbound_endpoint", "endpoint", "inbound_auth",
    "outbound_auth", "transport", "overlap_context", "message_context", "subscribe_context",
})  # fmt: skip
USER_OPTIONS = frozenset({"contact_user", "from_user", "username", "default_from_user"})
HOST_OPTIONS = frozenset({
    "bind", "default_realm", "domain", "external_media_address", "external_signaling_address", "from_domain",
    "media_address", "realm",
})  # fmt: skip
URI_OPTIONS = frozenset(
    {"client_uri", "contact", "outbound_proxy", "server_uri", "client_uri_pattern", "server_uri_pattern"}
)
BLANKED_OPTIONS = frozenset({
    "accountcode", "callerid", "callerid_tag", "contact_header_params", "default_voicemail_extension",
    "incoming_mwi_mailbox", "mailboxes", "md5_cred", "moh_suggest", "mwi_from_user", "named_call_group",
    "named_pickup_group", "oauth_clientid", "oauth_secret", "password", "password_digest", "refresh_token",
    "regcontext", "sdp_owner", "sdp_session", "secret", "tenantid", "user_agent", "voicemail_extension", "hint_exten",
    "hint_context",    "hint_application", "stir_shaken_profile",
})  # fmt: skip
BLANKED = "redacted"
TYPE_WORDS = frozenset({
    *OBJECT_TYPES, "contact", "wizard", "phoneprov", "resource_list", "outbound-publish", "inbound-publication",
    "asterisk-publication", "subscription_persistence",
})  # fmt: skip
"""The values that `type=` may have."""
WIZARD_NAMES = frozenset({
    "accepts_auth", "accepts_registrations", "contact_pattern", "client_uri_pattern", "has_hint", "has_phoneprov",
    "hint_application", "hint_context", "hint_exten", "remote_hosts", "sends_auth", "sends_line_with_registrations",
    "sends_registrations", "server_uri_pattern", "aor", "endpoint", "identify", "inbound_auth", "outbound_auth",
    "phoneprov", "registration", "type",
})  # fmt: skip
"""Options of wizards, and what stands before the `/` of one."""
OPTION_WORDS = frozenset({
    "yes", "true", "no", "false", "on", "off", "none", "all", "auto", "always", "required", "forced", "never",
    "invite", "reinvite", "update", "user", "uri_core", "uri_pjsip", "info", "rfc4733", "inband", "auto_info",
    "outgoing", "incoming", "sdes", "dtls", "global", "pjsip_only", "fec", "redundancy", "peer_supported", "active",
    "passive", "actpass", "fingerprint", "certificate", "sha-1", "sha-256", "mediasec", "userpass", "md5",
    "google_oauth", "digest", "sha-512-256", "akav1-md5", "akav2-md5", "md5-sess", "udp", "tcp", "tls", "ws", "wss",
    "flow", "sctp", "default", "unspecified", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3", "sslv2", "sslv3", "sslv23",
    "allowed", "allowed_not_screened", "allowed_passed_screen", "allowed_failed_screen", "prohib", "unavailable",
    "prohib_not_screened", "prohib_passed_screen", "prohib_failed_screen", "pending", "configured", "prefer",
    "operation", "intersect", "union", "only_preferred", "only_nonpreferred", "keep", "first", "transcode", "allow",
    "prevent", "local", "remote", "local_first", "remote_first", "local_merge", "remote_merge", "local_only",
    "remote_only", "username", "ip", "auth_username", "header", "request_uri", "anonymous", "transport", "attest",
    "verify", "refer", "register", "asterisk", "multi", "both", *FORMAT_NAMES, "amr", "amrwb", "ef", "message",
    *(f"cs{n}" for n in range(8)), *(f"af{n}{m}" for n in range(1, 5) for m in range(1, 4)),
})  # fmt: skip
"""The words of options that take one of a few, or some of them."""
_PIECE = re.compile(r"[^\s,;:|&!+()/=.]+")
_SMALL = re.compile(r"-?\d{1,5}[A-Za-z]?|0x[0-9A-Fa-f]{1,2}|\w{1,2}")
"""Numbers, and words as short as a language's name."""


@cache
def _all_options() -> frozenset[str]:
    """The options of every release."""
    return frozenset(name for kind in OBJECT_TYPES for version in REPRESENTATIVES for name in names(kind, version))


class OptionRedactor:
    """Redacts values; `matching` gives the value of match_header and match_request_uri."""

    def __init__(self, disguise: Disguise, messages: MessageRedactor, matching: Callable[[str, str], str]) -> None:
        self.disguise = disguise
        self.messages = messages
        self.matching = matching

    def option(self, text: str) -> str:
        """The name of an option; that of none stays the name of none."""
        at = "@" if text.startswith("@") else ""
        parts = text.removeprefix("@").split("/")
        known = _all_options() | WIZARD_NAMES
        return at + "/".join(p if p.lower() in known else self.disguise.opaque("option", p) for p in parts)

    def kind(self, text: str) -> str:
        """The value of `type=`."""
        return text if text.lower() in TYPE_WORDS else self.disguise.opaque("kind", text)

    def value(self, option: str, value: str) -> str:
        """The value with stand-ins."""
        # A wizard writes endpoint/context, inbound_auth/username, ...
        # The order is by risk: kinds of options that hold addresses, names or secrets are decided by their names first.
        # Only what is left is read word by word, and an option that no release knows keeps nothing but a known word.
        name = option.lower().rpartition("/")[2]
        if not value:
            return value
        if name in ADDRESS_LISTS:
            return self.rules(name, value)
        if name in ("match_header", "match_request_uri"):
            return self.matching(name, value)
        if name in BLANKED_OPTIONS:
            return BLANKED
        if name in NAME_OPTIONS:
            return _each(value, self.disguise.section)
        if name in USER_OPTIONS:
            return self.disguise.user(value)
        if name in HOST_OPTIONS:
            return _each(value, self.disguise.host_port)
        if name in URI_OPTIONS:
            return _each(value, self.messages.uri_alone)
        if name == "set_var":
            variable, equals, _ = value.partition("=")
            return f"{self.disguise.opaque('VAR', variable)}{equals}{BLANKED if equals else ''}"
        if name in _all_options() or value.lower() in OPTION_WORDS:
            return _PIECE.sub(lambda found: self._piece(found[0]), self.disguise.text(value))
        return BLANKED

    def _piece(self, text: str) -> str:
        if text.lower() in OPTION_WORDS or _SMALL.fullmatch(text) or self.disguise.is_stand_in(text):
            return text
        return self.disguise.opaque("word", text)

    def rules(self, option: str, value: str) -> str:
        """A list of addresses, networks and (for `match`) host names."""
        return ",".join(self._rule(option, part.strip(BLANKS)) for part in value.split(","))

    def _rule(self, option: str, text: str) -> str:
        nowhere = Where("", 0)
        if not text:
            return text
        if option in ("match", "remote_hosts"):
            parsed = parse_match(text, nowhere)
            found: Sequence[AddressRule] = parsed.rules
            if parsed.hosts:
                return self._host(text)
            refused = parsed.refusal
        else:
            found, refused = parse_rules(text, ports=False, deny=False, where=nowhere)
        if refused or not found:
            # What Asterisk refuses must stay refused.
            return "192.0.2.0/99" if "/" in text else "192.0.2.999"
        return ",".join(self._stands(found[0], "/" in text))

    def _host(self, text: str) -> str:
        negated = "!" if text.startswith("!") else ""
        bare = text.removeprefix("!")
        host, colon, port = bare.rpartition(":") if bare.count(":") == 1 else (bare, "", "")
        # What is neither an address nor a name that any resolver could find stays so.
        if port and not port.isdigit():
            port = self.disguise.opaque("port", port)
        if not could_resolve(host):
            return f"{negated}192.0.2.999{colon}{port}"
        return f"{negated}{self.disguise.host(host)}{colon}{port}"

    def _stands(self, rule: AddressRule, masked: bool) -> list[str]:
        if not is_prefix(rule):
            return self._scattered(rule)
        stands = self.disguise.addresses.network(network_of(rule))
        return [_rule_text(rule, str(n.network_address), n.prefixlen if masked else None) for n in stands]

    def _scattered(self, rule: AddressRule) -> list[str]:
        """A mask with holes: a rule for each known address that it fits."""
        addresses = self.disguise.addresses
        known = [ip for ip in addresses.known if ip.version == rule.version]
        stands = [str(addresses.address(ip)) for ip in known if int(ip) & rule.mask == rule.network]
        # No known address fits: one that nobody has stands for it.
        stands = stands or ["0.0.0.1" if rule.version == 4 else "::1"]
        return [_rule_text(rule, stand, BITS[rule.version]) for stand in stands]


def _rule_text(rule: AddressRule, address: str, length: int | None) -> str:
    shown = f"[{address}]:{rule.port}" if ":" in address and rule.port else address
    shown += f":{rule.port}" if rule.port and ":" not in address else ""
    return f"{'!' if rule.deny else ''}{shown}{f'/{length}' if length is not None else ''}"


def _each(value: str, stand: Callable[[str], str]) -> str:
    return ",".join(stand(part.strip()) for part in value.split(","))
