"""Whether a number exists: held against what real Asterisk decided, and unknown where files do not tell.

`exists.jsonl.gz` holds answers of DIALPLAN_EXISTS() for written and random dialplans, `answers.json` the statuses of
INVITEs ([endpoint, user of the request URI, user of From, status]), `calls.jsonl.gz` those of dialplans with blanks in
extensions, and of random ones ([context, user of the request URI, user of From, status]).
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.asterisk.dialplan.contexts import Dialplan
from pjsipdiag.asterisk.dialplan.extension import Fit, fit, place
from pjsipdiag.asterisk.dialplan.find import Destination, Presence, find
from pjsipdiag.asterisk.loading.objects import load_config

FIXTURES = Path(__file__).parents[3] / "fixtures" / "dialplan"
RECORDED = [json.loads(line) for line in gzip.decompress((FIXTURES / "exists.jsonl.gz").read_bytes()).splitlines()]
CALLS = [json.loads(line) for line in gzip.decompress((FIXTURES / "calls.jsonl.gz").read_bytes()).splitlines()]
STATUSES = {404: Presence.MISSING, 484: Presence.INCOMPLETE}


def dialplan(text: str, version: str = "22.10.1", **others: str) -> Dialplan:
    overlay = {"pjsip.conf": "", "extensions.conf": text, **{name.replace("_", "."): t for name, t in others.items()}}
    read = load_config(None, version, overlay=overlay).dialplan()
    assert read is not None
    return read


@pytest.mark.parametrize("number", range(len(RECORDED)))
def test_numbers_exist_where_asterisk_finds_them(number: int) -> None:
    case = RECORDED[number]
    known = dialplan(case["text"], case["asterisk"])
    wrong = [
        (context, dialled, exists)
        for context, dialled, exists in case["asked"]
        if (find(known, context, dialled, "").presence is Presence.FOUND) != bool(exists) and dialled != known.pickup
    ]
    assert not wrong


@pytest.mark.parametrize("version", ["22.10.1", "16.28.0"])
def test_calls_are_answered_as_asterisk_answers_them(version: str) -> None:
    recorded = json.loads((FIXTURES / "answers.json").read_text())
    known = dialplan(recorded["text"], version)
    for endpoint, user, caller, status in recorded["answers"][version]:
        context = recorded["contexts"][version][endpoint]
        found = find(known, context, unquote(user), caller, overlap=endpoint != "no")
        assert found.presence is STATUSES.get(status, Presence.FOUND), (endpoint, user, caller)


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_random_dialplans_answer_as_asterisk_does(number: int) -> None:
    case = CALLS[number]
    known = dialplan(case["text"], case["asterisk"])
    asked = [
        (find(known, context, user, caller).presence, STATUSES.get(status, Presence.FOUND), context, user)
        for context, user, caller, status in case["asked"]
    ]
    open_ = any(word in case["text"] for word in ("include", "switch", "(+)", "extenpatternmatchnew=yes"))
    assert not [one for one in asked if one[0] is not one[1] and not (open_ and one[0] is Presence.UNKNOWN)]


def look(text: str, number: str = "100", caller: str | None = None, **others: str) -> Destination:
    return find(dialplan(text, **others), "in", number, caller)


@pytest.mark.parametrize(
    ("text", "others", "word"),
    [
        ("[in]\nswitch => Realtime/in@extensions\n", {}, "Realtime"),
        ("[in]\ninclude => out\n[out]\nlswitch => Lua\n", {}, "Lua"),
        ("[in]\n#include more.conf\n", {}, "more.conf"),
        ("[in]\n#exec /bin/list\n", {"asterisk_conf": "[options]\nexecincludes=yes\n"}, "/bin/list"),
        ("[in]\nexten => ${ENV(HOME)},1,NoOp()\n", {}, "ENV"),
        ("[in]\ninclude => day,9:00-17:00,mon-fri,*,*\n[day]\nexten => 100,1,NoOp()\n", {}, "9:00"),
        ("[in]\ninclude => day,9:00-17:00,mon-fri,*,*\n[day]\nexten => _100X,1,NoOp()\n", {}, "9:00"),
        ("[in]\nexten => 100/49123,1,NoOp()\n", {}, "caller"),
        ("[other]\n", {"extensions_ael": "context in {\n 100 => NoOp();\n}\n"}, "extensions.ael"),
        ("[other]\n", {"extensions_lua": 'extensions["in"] = {}\n'}, "extensions.lua"),
        ("[in]\n", {"extconfig_conf": "[settings]\nextensions.conf => odbc,db,t\n"}, "odbc"),
        ("[in]\n", {"modules_conf": "[modules]\nautoload=yes\nnoload=pbx_config.so\n"}, "pbx_config"),
        ("[general]\nextenpatternmatchnew=yes\n[in]\nexten => _Z!/nobody,1,NoOp()\n", {}, "extenpatternmatchnew"),
        ("[c1](+)\n[in]\nexten => 100,1,NoOp()\n", {}, "rejects"),
        ("[in]\nexten => 100,1,NoOp()\n", {"modules_conf": "[modules]\nnoload=pbx_config.so\n"}, "pbx_config"),
        ("[general]\noverrideswitch=Realtime\n[in]\n", {}, "overrideswitch"),
    ],
)
def test_what_files_leave_open_is_unknown(text: str, others: dict[str, str], word: str) -> None:
    found = look(text, **others)
    assert found.presence is Presence.UNKNOWN
    assert word in found.reason


def test_what_is_certain_is_not_made_unknown() -> None:
    assert look("[in]\nswitch => Realtime/x@y\nexten => _X.,1,NoOp()\n").presence is Presence.FOUND
    assert look("[in]\nexten => 100/,1,NoOp()\n", caller="49").presence is Presence.MISSING
    assert look("[in]\n", extensions_ael="context demo { }").presence is Presence.MISSING
    twice = "[general]\nextenpatternmatchnew=no\nextenpatternmatchnew=yes\noverrideswitch=\noverrideswitch=Realtime\n"
    other = "[general]\nextenpatternmatchnew=yes\noverrideswitch=Realtime\n"
    assert look(f"{twice}{other}[in]\nexten => _X.,1,NoOp()\n").presence is Presence.FOUND
    assert look(f"{twice}{other}[in]\n").presence is Presence.MISSING
    assert look("[in]\n", "*7", features_conf="[general]\nPickupExten=*7\n").presence is Presence.FOUND
    off = "[options]\nexecincludes=no\n"
    assert look("[in]\n#exec /bin/list\n", asterisk_conf=off).presence is Presence.MISSING


def test_without_a_dialplan_nothing_is_told() -> None:
    assert load_config(None, overlay={"pjsip.conf": ""}).dialplan() is None


def test_the_line_that_takes_the_number_is_named() -> None:
    found = look("[in]\nexten => _X.,1,NoOp()\nexten => _1XX,1,NoOp()\nexten => 1-0-0,1,NoOp()\n")
    assert found.where is not None
    assert found.where.line == 4


NAMES = st.text("0123456789+*#-abXNZ[]_.!", max_size=8)


@given(NAMES, NAMES)
def test_any_name_can_be_asked(pattern: str, number: str) -> None:
    assert fit(pattern, number) in Fit
    assert isinstance(place(pattern), tuple)


@given(st.text("0123456789+*#ab", min_size=1, max_size=8))
def test_a_name_takes_itself_and_waits_for_its_end(name: str) -> None:
    assert fit(name, name) is Fit.YES
    assert fit(name, name[:-1]) is Fit.LATER
    assert fit(name, name + "1") is Fit.NO


@given(st.lists(st.tuples(NAMES, NAMES), max_size=6), st.text("0123456789+", min_size=1, max_size=5))
def test_contexts_that_include_each_other_end(pairs: list[tuple[str, str]], number: str) -> None:
    text = "".join(f"[in]\nexten => {name},1,NoOp()\ninclude => in\ninclude => {other}\n" for name, other in pairs)
    assert look(text + "[in]\n", number).presence in Presence
