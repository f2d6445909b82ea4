"""Names of releases, and what the tags of Asterisk's repository show of each."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from pjsipdiag.asterisk.releases import BRANCHES, FEATURES, NEWEST, RELEASES, Span, age, instead, nearest, release
from pjsipdiag.asterisk.releases.features import FeatureName
from pjsipdiag.asterisk.releases.release_lines import number_of
from pjsipdiag.errors import PjsipdiagError


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("22.10.1", "22.10.1"),
        ("22.10", "22.10.1"),
        ("22.1", "22.1.1"),
        ("certified-20.7-cert5", "certified-20.7-cert5"),
        ("certified/18.9-cert17", "certified-18.9-cert17"),
        ("20.7-cert5", "certified-20.7-cert5"),
        ("certified-20.7", "certified-20.7-cert11"),
        ("16", "16.30.1"),
        ("Asterisk PBX 18.9.0", "18.9.0"),
    ],
)
def test_names(name: str, version: str) -> None:
    assert release(name).version == version


@pytest.mark.parametrize("name", ["", "newest", "FreeSWITCH"])
def test_what_names_no_release_is_told_the_known(name: str) -> None:
    with pytest.raises(PjsipdiagError) as raised:
        release(name)
    for line in (BRANCHES[0], BRANCHES[-1], *(line for line in RELEASES if line not in BRANCHES)):
        assert line in str(raised.value)


@pytest.mark.parametrize("name", ["22", "22.10.1", "20.7-cert5", "Asterisk PBX 18.9.0"])
def test_nothing_is_replayed_instead_of_a_known_release(name: str) -> None:
    assert instead(name) == ""


def test_a_capture_may_name_a_release_that_is_newer_than_this_table() -> None:
    assert str(nearest("Asterisk PBX 22.99.0")) == RELEASES["22"][-1]
    assert str(nearest("20.7-cert99")) == RELEASES["certified-20.7"][-1]
    assert nearest("FreeSWITCH") is None


@pytest.mark.parametrize(
    ("name", "version"),
    [("22.99", "22"), ("17.10.0", "17"), ("23.99.0", "23"), ("98", BRANCHES[-1]), ("99.2.1", BRANCHES[-1])],
)
def test_a_newer_name_stands_for_the_newest_known(name: str, version: str) -> None:
    assert release(name).version == RELEASES[version][-1]


@pytest.mark.parametrize(
    ("name", "line", "says"),
    [
        ("13.38.3", "16", "older than 16"),
        ("1.8.32", "16", "older than 16"),
        ("99.0.0", BRANCHES[-1], "newer"),
        ("GIT-22-6a2f9d1", "22", "a build"),
        ("GIT-master-6a2f9d1M", BRANCHES[-1], "a build"),
        ("22.5.2~dfsg+~cs6.15.60671435-1", "22", "not known"),
        ("22.2.5", "22", "not known"),
        ("20.7-cert99", "certified-20.7", "newer than certified-20.7-cert"),
        ("22.99.1", "22", "newer than 22."),
        ("certified-22.7", "22", ""),
    ],
)
def test_a_name_beyond_the_table_has_a_nearest_release(name: str, line: str, says: str) -> None:
    found = nearest(name)
    assert found is not None
    assert found.line == line
    assert says in age(name)
    assert release(name) == found
    assert instead(name).startswith(name)
    assert instead(name).endswith(f"{found} is the nearest that is known")


@pytest.mark.parametrize(
    ("feature", "without", "having"),
    [
        (
            "match_ports",
            ["16.7.0", "17.1.0", "certified-16.3-cert1"],
            ["16.8.0", "17.2.0", "19.0.0", "certified-16.8-cert1", "18.0.0"],
        ),
        (
            "wizard_ports",
            ["16.19.1", "17.9.4", "18.5.1", "certified-16.8-cert14"],
            ["16.20.0", "18.6.0", "19.0.0", "certified-18.9-cert1"],
        ),
        ("request_uri", ["16.30.1", "18.22.0", "certified-20.7-cert11"], ["18.23.0", "20.8.0", "21.3.0", "22.0.0"]),
        ("transport", ["18.22.0", "18.23.1", "20.8.1", "21.3.1", "22.0.0"], ["18.23.0", "20.8.0", "21.3.0"]),
        ("identifies_by_name", ["20.15.2", "21.10.2", "22.5.2", "18.26.4"], ["20.16.0", "21.11.0", "22.6.0", "23.0.0"]),
        (
            "tel_identified",
            ["16.28.0", "18.14.0", "17.9.4", "19.6.0", "certified-18.9-cert18"],
            ["19.7.0", "16.29.0", "18.15.0", "20.0.0"],
        ),
        ("byte_order_mark", ["16.7.0"], ["16.8.0", "18.0.0"]),
        ("names_reloaded", ["16.16.2", "17.9.4", "18.2.2"], ["16.17.0", "18.3.0", "19.0.0", "23.4.1"]),
        (
            "geolocation",
            ["16.27.0", "17.9.4", "18.13.0", "19.5.0", "certified-18.9-cert1"],
            ["16.28.0", "18.14.0", "19.6.0", "20.0.0", "certified-18.9-cert2", "certified-20.7-cert1"],
        ),
        (
            "geolocation_needs_memory",
            ["16.28.0", "18.14.0", "19.6.0", "certified-18.9-cert1"],
            ["16.29.0", "18.15.0", "19.7.0", "20.0.0", "certified-18.9-cert2", "23.4.1"],
        ),
        ("google_oauth", ["16.30.1"], ["17.0.0", "17.9.4", "18.0.0"]),
        ("flow", ["16.30.1"], ["17.0.0", "17.9.4", "18.0.0"]),
        ("testlaw", ["19.0.0", "20.0.0", "23.4.1"], ["16.0.0", "17.9.4", "18.26.4"]),
    ],
)
def test_features(feature: FeatureName, without: list[str], having: list[str]) -> None:
    span = FEATURES[feature].span
    assert [span.covers(release(name).version) for name in without] == [False] * len(without)
    assert [span.covers(release(name).version) for name in having] == [True] * len(having)


def spans() -> dict[str, Span]:
    """Every span there is: of features, and of options."""
    text = (resources.files("pjsipdiag.asterisk") / "loading" / "options.json").read_text(encoding="utf-8")
    options = {
        f"{kind} {name} {place}": Span(entry.get("since", {}), entry.get("until", {}))
        for kind, entries in json.loads(text).items()
        for name, several in entries.items()
        for place, entry in enumerate(several)
    }
    return options | {name: feature.span for name, feature in FEATURES.items()}


def is_to_come(line: str, version: str | None) -> bool:
    """Whether a release is beyond the newest of its line."""
    return version is not None and number_of(version) > number_of(RELEASES[line][-1])


def test_every_span_names_releases_that_exist_or_come() -> None:
    for span in spans().values():
        assert set(span.since) <= set(RELEASES)
        for line, version in [*span.since.items(), *span.until.items()]:
            assert version is None or version in RELEASES[line] or is_to_come(line, version)


def announced() -> set[str]:
    """The options that releases to come bring, as "type name"."""
    return {
        name.rpartition(" ")[0]
        for name, span in spans().items()
        if any(is_to_come(line, version) for line, version in span.since.items())
    }


@pytest.mark.parametrize(
    ("row", "before", "name"),
    [
        ('    _certified_line("16.3"', '    ReleaseLine("98", "98.0.0"),\n', "98.0.0"),
        (f'{NEWEST}"', f'{NEWEST} {BRANCHES[-1]}.99.0"', f"{BRANCHES[-1]}.99.0"),
    ],
    ids=["line", "release"],
)
def test_a_newer_release_in_the_table_behaves_as_the_newest_before(
    row: str, before: str, name: str, tmp_path: Path
) -> None:
    package = Path(str(resources.files("pjsipdiag")))
    shutil.copytree(package, tmp_path / "pjsipdiag", ignore=shutil.ignore_patterns("__pycache__"))
    table = tmp_path / "pjsipdiag" / "asterisk" / "releases" / "release_lines.py"
    text = table.read_text()
    assert text.count(row) == 1
    table.write_text(text.replace(row, before + row if before.endswith("\n") else before))
    told = subprocess.run(
        [sys.executable, "-c", ASKED, NEWEST], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    newest, features, faults, options, *same = json.loads(told)
    assert newest == [name, name, name]
    assert {f"{kind} {option}" for kind, option, _ in options} <= announced()
    assert (features, faults, same) == ([], [], [True, True])


ASKED = """
import json, sys
from pjsipdiag.asterisk.loading.object_options import OBJECT_TYPES, default, names
from pjsipdiag.asterisk.releases import BRANCHES, FEATURES, NEWEST, REPRESENTATIVES, nearest, release
from pjsipdiag.asterisk.releases.faults import FAULTS, has_fault
new, old = release(NEWEST), release(sys.argv[1])
options = [{(kind, name, default(kind, name, r.version)) for kind in OBJECT_TYPES for name in names(kind, r.version)}
           for r in (new, old)]
print(json.dumps([
    [str(new), str(nearest("99.0.0")), REPRESENTATIVES[-1]],
    [feature for feature in FEATURES if new.has(feature) != old.has(feature)],
    [fault for fault in FAULTS if has_fault(str(new), fault) != has_fault(str(old), fault)],
    sorted(options[0] ^ options[1]),
    new.identifiers == old.identifiers,
    new.identify_order == old.identify_order,
]))
"""
"""Asked of the copy: what is the newest, and in what does it differ from the one that was."""
