"""Transports as they are started, one after the other: who gets which socket (res_pjsip/config_transport.c)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace

from pjsipdiag.asterisk.config import Problem, Transport
from pjsipdiag.asterisk.loading import object_types
from pjsipdiag.asterisk.loading.object_options import AppliedOptions
from pjsipdiag.asterisk.loading.resolve import Resolver
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.releases import Release
from pjsipdiag.asterisk.releases.faults import has_fault
from pjsipdiag.asterisk.section import Section, Variable
from pjsipdiag.dataclass import dataclass

_FORGETTING = frozenset(
    [
        *("protocol", "bind", "method", "cipher", "local_net", "tos", "verify_server", "verify_client"),
        *("ca_list_file", "ca_list_path", "cert_file", "priv_key_file", "require_client_cert", "allow_wildcard_certs"),
    ]
)
"""The options that forget, when they refuse a value, what the options before them had set (remove_temporary_state)."""


@dataclass
class TransportStarter:
    """`sockets` are open; `left_bind` is the bind= of a transport that failed before it was started: the next one that
    has none takes it."""

    resolver: Resolver
    version: Release
    sockets: list[Transport] = field(default_factory=list)
    left_bind: Variable | None = None

    def complete(self, section: Section) -> tuple[Section, Sequence[Problem]]:
        """The section with the bind= that was left, if it has none of its own, and a warning of it."""
        if self.left_bind is None or any(line.name.lower() == "bind" for line in section.variables):
            return section, ()
        place = self.left_bind.where
        reason = LoadReason.BIND_LEFT_BEHIND(name=section.name, value=self.left_bind.value, place=str(place))
        completed = replace(section, variables=(*section.variables, self.left_bind))
        return completed, (Problem(reason, section.where),)

    def note_refusal(self, section: Section, applied: AppliedOptions) -> None:
        """Keeps what a refused transport leaves. One without bind= gets as far as its start, which leaves nothing."""
        refused = applied.problem.where if applied.problem else None
        line = next((line for line in section.variables if line.where == refused), None)
        forgets = (
            line is not None
            and line.name.lower() in _FORGETTING
            and not has_fault(self.version.version, "transport-state")
        )
        if line is None or forgets:
            self.left_bind = None
        elif bound := applied.options.get("bind"):
            self.left_bind = bound[-1]

    def start(self, section: Section, applied: AppliedOptions) -> Transport | Problem:
        """A transport, unless one before it listens on its address already (transport_apply)."""
        self.left_bind = None
        made = object_types.transport(section, applied, self.resolver)
        if isinstance(made, Problem):
            return made
        for taken in self.sockets:
            if object_types.clash(taken, made):
                log = f"Transport '{made.name}' could not be started: Address already in use"
                bind = made.option("bind")
                reason = LoadReason.ADDRESS_IN_USE(ip=taken.bind, port=taken.port)
                return Problem(reason, bind.where if bind else made.where, log)
        self.sockets.append(made)
        return made
