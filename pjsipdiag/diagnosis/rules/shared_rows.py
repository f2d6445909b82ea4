"""Rows of TABLE that are asked about other requests than calls, too: why nothing takes an address, by files alone."""

from __future__ import annotations

from pjsipdiag.diagnosis.model import Severity
from pjsipdiag.diagnosis.rule import Repair, Rule
from pjsipdiag.diagnosis.rules import network, unfit_names, unmatched
from pjsipdiag.diagnosis.rules.unloaded import absent, dangling, drops

MODULE_NOT_LOADED = Rule(
    "module-not-loaded",
    Severity.ERROR,
    "a module is not loaded, and what it would do is not done",
    place=80,
    blames=absent.of_absent_module,
    tells=absent.module_not_loaded,
    on_config=absent.absent_modules,
)
NOT_LOADED = Rule(
    "not-loaded",
    Severity.ERROR,
    "an object is in the file, but Asterisk drops it",
    place=170,
    changes="identify",
    blames=drops.of_dropped,
    tells=drops.not_loaded,
    on_config=drops.dropped_objects,
    repair=Repair("object_repairs.correct_objects", "by_address", at_once=True),
)
ENDPOINT_MISSING = Rule(
    "endpoint-missing",
    Severity.ERROR,
    "an identify points to an endpoint that does not exist",
    place=180,
    changes="identify",
    blames=dangling.of_missing_endpoint,
    tells=dangling.endpoint_missing,
    on_config=dangling.dangling_identifies,
    repair=Repair("option_repairs.endpoint_name", "by_deed"),
)
PORT_MISMATCH = Rule(
    "port-mismatch",
    Severity.ERROR,
    "the address fits, the source port does not",
    place=190,
    changes="identify",
    blames=unmatched.of_port,
    tells=unmatched.port_mismatch,
    repair=Repair("match_repairs.port", "by_address"),
)
HOSTNAME_MISMATCH = Rule(
    "hostname-mismatch",
    Severity.ERROR,
    "a name in match= does not resolve to the source",
    place=210,
    changes="identify",
    blames=unfit_names.of_hostname,
    tells=unfit_names.hostname_mismatch,
    repair=Repair("match_repairs.dead_name", "by_address"),
)
TRANSLATED_SOURCE = Rule(
    "translated-source",
    Severity.ERROR,
    "the source is a NAT, Docker or proxy address that stands for others",
    place=270,
    blames=network.of_translation,
    tells=network.translated_source,
)
