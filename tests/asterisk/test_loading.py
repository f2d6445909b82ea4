"""Configurations as real Asterisk 16.28.0 and 22.10.1 loaded them: the same objects, rules and order of identifiers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pjsipdiag.asterisk.addresses.address_rule import canonical
from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.object_options import loaded_alike
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.resolve import Hosts

FIXTURES = Path(__file__).parents[2] / "fixtures"
RECORDINGS = sorted(FIXTURES.glob("conformance/*.gz")) + sorted(FIXTURES.glob("loading/*.gz"))
SUPPLIED = {"acl.conf": "", "pjsip_wizard.conf": ""}
"""What the recording machine had where a case brings nothing."""
MACHINE = {"oracle": ["127.0.1.1"], "ip6-localhost": ["::1"]}
"""Names that resolved on the recording machine in every case."""
OTHER_MODULE_ORDER = {"unlisted-ip-first"}
"""Cases recorded with another load order of the modules, which no file shows."""
BOTH_OF_A_NAME = {"wiz-clash"}
"""Cases where two identifies have one name: the recording kept the second, which is asked last."""


def load(case: Mapping[str, Any]) -> Config:
    services = {name: [row[3] for row in sorted(rows)] for name, rows in case["srv"].items()}
    hosts = Hosts({**MACHINE, **case["hosts"]}, services, complete=True)
    return load_config(None, case["asterisk"], hosts, overlay=SUPPLIED | case["files"], readable=lambda _: False)


def recorded(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def logged(config: Config) -> list[str]:
    told = [one.log for one in (*config.warnings, *config.rejected_files)]
    return told + [one.log for one in config.dropped] + [one.log for one in config.absent_modules]


def differences(case: Mapping[str, Any], config: Config) -> list[str]:
    loaded, name = case["loaded"], case["id"]
    found = {identify.name: identify for identify in config.identifies}
    rules = {key: sorted(map(canonical, identify.rules)) for key, identify in found.items()}
    wanted = {key: sorted(filter(None, identify["match"])) for key, identify in loaded["identifies"].items()}
    endpoints = {key: config.endpoints[key].context for key in config.endpoints}
    checks: dict[str, tuple[object, object]] = {
        "endpoints": (endpoints, {key: row["context"] for key, row in loaded["endpoints"].items()}),
        "identify_by": (
            {key: ",".join(endpoint.identify_by) for key, endpoint in config.endpoints.items()},
            {key: row["identify_by"] for key, row in loaded["endpoints"].items()},
        ),
    }
    if name not in BOTH_OF_A_NAME:
        checks["rules"] = (rules, wanted)
        for option in ("endpoint", "match_header"):
            checks[option] = (
                {key: getattr(identify, option) for key, identify in found.items()},
                {key: identify[option] for key, identify in loaded["identifies"].items()},
            )
    if name not in OTHER_MODULE_ORDER:
        checks["identifiers"] = (list(config.identifiers), loaded["identifiers"])
    return [f"{name}: {what}: {ours} instead of {theirs}" for what, (ours, theirs) in checks.items() if ours != theirs]


def test_nothing_listens_where_asterisk_or_pjsip_did_not_start() -> None:
    cases = recorded(FIXTURES / "starting" / "sources.jsonl.gz")
    assert len(cases) > 40
    configs = [load_config(None, case["asterisk"], overlay=case["files"]) for case in cases]
    assert [case["id"] for case, config in zip(cases, configs, strict=True) if config.listeners] == []
    assert all(config.absent_modules[0].is_fatal or config.rejected_files or config.dropped for config in configs)


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.name}-{path.name.split('.jsonl')[0]}")
def test_loads_what_asterisk_loaded(path: Path) -> None:
    wrong = [text for case in recorded(path) for text in differences(case, load(case))]
    assert wrong == []


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: f"{p.parent.name}-{p.name.split('.jsonl')[0]}")
def test_what_another_release_makes_of_the_same_files(path: Path) -> None:
    """It is told without loading them again where it is the same: mostly so of 22.10.1 and 23.4.1, of no old one."""
    told = 0
    for case in recorded(path):
        other, loaded = loaded_alike(load(case | {"asterisk": "23.4.1"}), case["asterisk"]), load(case)
        if other is not None:
            told += 1
            ours, theirs = ([(one.reason, one.where, one.log) for one in it.dropped] for it in (other, loaded))
            assert ours == theirs
            assert replace(other, dropped=()) == replace(loaded, dropped=())
            assert other.dialplan() == loaded.dialplan()
    assert told * 2 > len(recorded(path)) if "22.10.1" in path.name else not told


@pytest.mark.parametrize("path", [path for path in RECORDINGS if path.parent.name == "loading"], ids=lambda p: p.stem)
def test_reasons_are_asterisks_own_lines(path: Path) -> None:
    """What Asterisk logs about the case is in the log of what was dropped, warned about or rejected here."""
    missing = []
    for case in recorded(path):
        config = load(case)
        ours = "\n".join(logged(config))
        lines = (line.split(": ", 1)[1].strip() for line in case["config_log"])
        missing += [line for line in lines if line not in ours and not any(word in line for word in NOT_SAID)]
    assert missing == []


NOT_SAID = (
    "is not a regular file",
    "Same File included more than once",
    "IPv4-mapped ACL",
    "Port disallowed",
    "Some non-required modules failed to load",
    "has no existing documentation! If this module was recently built",
    "#include / tryinclude",
    "Attempted to find named ACL",
    "Could not find priority 1 of exten",
)
"""Lines that name no loss of their own, or that one release words otherwise."""
