"""Names of releases, and what the tags of Asterisk's repository show of each."""

from __future__ import annotations

import pytest

from pjsipdiag.asterisk.releases import CHANGES, RELEASES, age, nearest, release, releases
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


@pytest.mark.parametrize("name", ["", "15", "22.10.1.1", "newest", "certified-22.7", "20.7-cert99"])
def test_an_unknown_name_lists_the_known(name: str) -> None:
    with pytest.raises(PjsipdiagError) as raised:
        release(name)
    for line in RELEASES:
        assert line in str(raised.value)


def test_a_capture_may_name_a_release_that_is_newer_than_this_table() -> None:
    assert str(nearest("Asterisk PBX 22.99.0")) == RELEASES["22"].split()[-1]
    assert str(nearest("20.7-cert99")) == RELEASES["certified-20.7"].split()[-1]
    assert nearest("FreeSWITCH") is None


@pytest.mark.parametrize(
    ("name", "version"), [("22.99", "22"), ("17.10.0", "17"), ("23.5.0", "23"), ("24", "23"), ("31.2.1", "23")]
)
def test_a_newer_name_stands_for_the_newest_known(name: str, version: str) -> None:
    assert release(name).version == RELEASES[version].split()[-1]


@pytest.mark.parametrize(
    ("name", "line", "says"),
    [
        ("13.38.3", "16", "older than 16"),
        ("1.8.32", "16", "older than 16"),
        ("24.0.0", "23", "newer"),
        ("GIT-22-6a2f9d1", "22", "a build"),
        ("GIT-master-6a2f9d1M", "23", "a build"),
    ],
)
def test_a_name_beyond_the_table_has_a_nearest_release(name: str, line: str, says: str) -> None:
    found = nearest(name)
    assert found is not None
    assert found.line == line
    assert says in age(name)


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
    ],
)
def test_features(feature: str, without: list[str], having: list[str]) -> None:
    change = next(change for change in CHANGES if change.feature == feature)
    assert [release(name).has(change.feature) for name in without] == [False] * len(without)
    assert [release(name).has(change.feature) for name in having] == [True] * len(having)


def test_every_change_names_existing_releases() -> None:
    for change in CHANGES:
        for line, version in [*change.since.items(), *change.until.items()]:
            assert releases()[version].line == line
