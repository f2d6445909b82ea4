"""Redacts our own text about a configuration: free text, or JSON, whose texts hold names and addresses."""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.asterisk.config import Config
from pjsipdiag.redact.address_map import address_map
from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.identify_names import ordered_names


def redact_text(text: str, configs: Sequence[Config]) -> str:
    """`text` with stand-ins for the addresses, numbers, hosts and names that it has of these configurations."""
    variables = [v for config in configs for section in config.sections for v in section.variables]
    names = {name: stand for config in configs for name, stand in ordered_names(config).items()}
    disguise = Disguise(address_map((), [text, *(variable.value for variable in variables)]), names)
    for section in (section for config in configs for section in config.sections):
        disguise.section(section.name)
    return disguise.text(text)
