"""Known faults of Asterisk that cost calls: what happens, and which releases have it. The table to add a fault to.

When one strikes is said where configuration and calls are known (`diagnosis.rules.faults`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from pjsipdiag.asterisk.releases.features import FEATURES, Span
from pjsipdiag.asterisk.releases.release_lines import RELEASES, line_of, number_of
from pjsipdiag.dataclass import dataclass

FaultName = Literal[
    "transport-state", "contact-user-ipv6", "wizard-acl", "transport-identifier", "registrar-aor", "digest-md5-only"
]


@dataclass(frozen=True, slots=True)
class Fault:
    """`effect` the releases of `span` do wrong, how to live with it (`meanwhile`), and where it was mended:
    `coming_fixes` has first releases that are not in the table of releases yet."""

    effect: str
    span: Span
    meanwhile: str
    reference: str
    coming_fixes: Mapping[str, str] = field(default_factory=dict)

    def fixed_in(self, version: str) -> str:
        """The first release of the same line without it, else those of later lines; empty where none is known."""
        line = line_of(version)
        later = [one for one in RELEASES[line] if number_of(one) > number_of(version) and not self.span.covers(one)]
        if later or line in self.coming_fixes:
            return later[0] if later else self.coming_fixes[line]
        mended = [*self.span.until.values(), *self.coming_fixes.values()]
        return ", ".join(sorted((one for one in mended if number_of(one) > number_of(version)), key=number_of))


FAULTS: dict[FaultName, Fault] = {
    "transport-state": Fault(
        "a transport that fails to load leaves its state behind, and the next one takes over its name and settings",
        Span({"21": "21.0.0"}, until={"20": "20.19.0", "22": "22.9.0", "23": "23.3.0"}),
        "correct or remove the transport that fails, and restart Asterisk",
        "asterisk issues 293 and 1814; res_pjsip/config_transport.c: remove_temporary_state",
    ),
    "contact-user-ipv6": Fault(
        "contact_user of an endpoint makes an invalid Contact for calls over IPv6: 500, `Could not create dialog with"
        " endpoint ... Invalid URI`",
        Span(
            {"16": None, "18": "18.20.0", "19": None, "20": "20.5.0", "21": "21.0.0"},
            until={"20": "20.11.0", "21": "21.6.0", "22": "22.1.0"},
        ),
        "leave contact_user out of the endpoint, or have the provider call over IPv4",
        "asterisk issue 985; res_pjsip.c: create_dialog_uas",
    ),
    "wizard-acl": Fault(
        "endpoints of pjsip_wizard.conf keep the addresses that a named access list had when they were made, whatever"
        " is reloaded",
        Span({"21": "21.0.0"}, until={"20": "20.19.0", "22": "22.9.0", "23": "23.3.0"}),
        "restart Asterisk, or change a line of the wizard's section before `pjsip reload`",
        "asterisk issue 1641; res_pjsip_config_wizard.c: acl_change_stasis_cb",
    ),
    "transport-identifier": Fault(
        "the identifier transport takes requests that no other identifier takes for an endpoint that names their"
        " transport: strangers get in",
        FEATURES["transport"].span,
        "take transport out of identify_by of every endpoint",
        "GHSA-qqxj-v78h-hrf9; res_pjsip_endpoint_identifier_ip.c: transport_identify",
    ),
    "registrar-aor": Fault(
        "a REGISTER that is identified by address, header or request URI finds no AOR (`AOR '' not found`): 404",
        Span(),
        "add username to identify_by of the endpoint (as in username,ip), if it has auth=",
        "asterisk issue 1398; res_pjsip_registrar.c: find_registrar_aor",
        coming_fixes={"20": "20.21.0", "22": "22.11.0", "23": "23.5.0"},
    ),
    "digest-md5-only": Fault(
        "Asterisk answers challenges with MD5 only: one with SHA-256 or SHA-512-256 alone stays unanswered",
        Span(until={"20": "20.12.0", "21": "21.7.0", "22": "22.2.0"}),
        "ask the provider to offer MD5 as well",
        "asterisk issue 948; res_pjsip_outbound_authenticator_digest.c",
    ),
}
"""All known faults, in the order in which reports name them."""


def has_fault(version: str, name: FaultName) -> bool:
    """Whether a release, by its name in the table, has it."""
    return FAULTS[name].span.covers(version)
