"""A firewall that agrees with `match=`: the addresses that a configuration lets in, in the forms that firewalls read.

In comes a Config; out come networks with the identifies that take them, what cannot be known, and text.

    allowed    which addresses the identifies take and no access list denies, and what the files leave open
    formats    nftables, ipset, firewalld, fail2ban, JSON: a row of LIST_FORMATS each

The law: a network stands in the list only if Asterisk takes a request from every address in it for an endpoint by
`match=`, as far as addresses tell. Source ports are not looked at: the list lets in what Asterisk may still refuse.

Imports: `asterisk` and `diagnosis`; only `cli` stands above.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from pjsipdiag.dataclass import dataclass

if TYPE_CHECKING:
    from pjsipdiag.firewall.allowed import AllowedList


@dataclass(frozen=True, slots=True)
class Format:
    """A row of LIST_FORMATS: the function in `formats`, and whether a file holds one IP version only."""

    function: str
    is_of_one_version: bool = False

    def write(self, allowed: AllowedList, versions: tuple[int, ...]) -> Iterator[str]:
        """The lines of a list of these IP versions."""
        lines: Iterator[str] = getattr(import_module("pjsipdiag.firewall.formats"), self.function)(allowed, versions)
        return lines


LIST_FORMATS = {
    "nft": Format("nft"),
    "ipset": Format("ipset"),
    "firewalld": Format("firewalld", is_of_one_version=True),
    "fail2ban": Format("fail2ban"),
    "json": Format("as_json"),
}
"""Name of --format -> how it is written."""
