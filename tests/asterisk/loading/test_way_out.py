"""Registrations that real Asterisk 16.28.0 and 22.10.1 loaded, and refused, for the transports that were there."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.resolve import Hosts

RECORDING = Path(__file__).parents[3] / "fixtures" / "loading" / "registrations" / "ways-out.jsonl.gz"
with gzip.open(RECORDING, "rt") as _lines:
    CASES = [json.loads(line) for line in _lines]
ONLY_TCP = "[tcp]\ntype=transport\nprotocol=tcp\nbind=0.0.0.0\n"
BY_UDP = "[r]\ntype=registration\nserver_uri=sip:reg.example\nclient_uri=sip:me@reg.example\n"


def load(files: dict[str, str], case: dict[str, Any]) -> Config:
    hosts = Hosts(case["hosts"], {}, complete=True)
    given = {"acl.conf": "", "pjsip_wizard.conf": "", **files}
    return load_config(None, case["asterisk"], hosts, overlay=given, readable=lambda _: False)


@pytest.mark.parametrize("case", CASES, ids=[f"{case['id']} {case['asterisk']}" for case in CASES])
def test_the_registrations_of_asterisk_are_loaded_and_its_words_quoted(case: dict[str, Any]) -> None:
    config = load(case["files"], case)
    assert sorted(one.name for one in config.registrations.values()) == case["registrations"]
    told = "\n".join(case["log"])
    logs = [line for one in config.dropped if one.type == "registration" for line in one.log.splitlines() if line]
    assert [line for line in logs if line not in told] == []
    assert len([line for line in logs if "of type 'registration'" in line]) == told.count("of type 'registration'")


@pytest.mark.parametrize(
    "more",
    [
        {"pjsip.conf": BY_UDP},
        {
            "pjsip.conf": "#exec /usr/bin/transports\n" + ONLY_TCP + BY_UDP,
            "asterisk.conf": "[options]\nexecincludes=yes\n",
        },
        {
            "pjsip.conf": ONLY_TCP + BY_UDP,
            "sorcery.conf": "[res_pjsip]\ntransport=config,pjsip.conf,criteria=type=transport\n"
            "transport=realtime,ps_transports\n",
            "extconfig.conf": "[settings]\nps_transports => odbc,asterisk\n",
        },
    ],
    ids=["no transport at all", "a program may write one", "a table may hold one"],
)
def test_where_not_all_transports_are_known_the_registration_stays(more: dict[str, str]) -> None:
    assert "r" in load(more, {"hosts": {}, "asterisk": "22.10.1"}).registrations
    assert "r" not in load({"pjsip.conf": ONLY_TCP + BY_UDP}, {"hosts": {}, "asterisk": "22.10.1"}).registrations
