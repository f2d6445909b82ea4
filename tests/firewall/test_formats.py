"""Each form is what its program reads: nft and ipset themselves are asked where they are installed."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from pjsipdiag.cli import main

CONF = """[t]
type=transport
bind=0.0.0.0
[p]
type=endpoint
identify_by=ip
[i]
type=identify
endpoint=p
match=203.0.113.0/29
match=203.0.113.8
match=2001:db8:1::/48
"""


def written(tmp_path: Path, *arguments: str, conf: str = CONF) -> Result:
    (tmp_path / "pjsip.conf").write_text(conf)
    result = CliRunner().invoke(main, ["allowlist", "-c", str(tmp_path), *arguments])
    assert "fault of pjsipdiag" not in result.stderr
    return result


def test_json_says_where_each_network_is_from(tmp_path: Path) -> None:
    found = json.loads(written(tmp_path, "--format", "json").stdout)
    assert found["ipv4"] == ["203.0.113.0/29", "203.0.113.8/32"]
    assert found["ipv6"] == ["2001:db8:1::/48"]
    assert found["entries"][0] == {
        "network": "203.0.113.0/29",
        "identify": "i",
        "endpoint": "p",
        "where": {"file": "pjsip.conf", "line": 7},
    }


def checked(program: list[str], text: str) -> None:
    if shutil.which(program[0]) is None:
        pytest.skip(f"needs {program[0]}: apt install nftables ipset")
    found = subprocess.run(program, input=text, text=True, capture_output=True, check=False)
    if found.returncode and ("Operation not permitted" in found.stderr or "cache initialization" in found.stderr):
        pytest.skip(f"needs a kernel and rights that {program[0]} can ask: {found.stderr.strip()[:100]}")
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize(
    "conf", [CONF, CONF + "match=0.0.0.0/0\n", CONF.partition("[i]")[0]], ids=["", "world", "none"]
)
def test_nft_takes_it(tmp_path: Path, conf: str) -> None:
    text = written(tmp_path, "--format", "nft", conf=conf).stdout
    assert ("203.0.113.0/29" in text) is ("203.0.113.0/29" in conf and "0.0.0.0/0" not in conf)
    checked(["nft", "-c", "-f", "-"], text)
    rules = [line.removeprefix("# nft '").removesuffix("'") for line in text.splitlines() if line.startswith("# nft")]
    assert len(rules) == 3
    checked(["nft", "-c", "-f", "-"], "\n".join([text, *rules, ""]))


def test_ipset_takes_it_again_and_again(tmp_path: Path) -> None:
    text = written(tmp_path, "--format", "ipset", "--also", "0.0.0.0/0").stdout
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert {line.split()[0] for line in lines} == {"create", "flush", "add", "swap", "destroy"}
    assert "add pjsipdiag4-new 128.0.0.0/1" in lines
    assert "add pjsipdiag6-new 2001:db8:1::/48" in lines
    if shutil.which("unshare") is None or shutil.which("ipset") is None:
        pytest.skip("needs unshare and ipset: apt install util-linux ipset")
    checked(["unshare", "-rn", "ipset", "restore"], text + text)


def test_firewalld_reads_one_family_from_a_file(tmp_path: Path) -> None:
    assert written(tmp_path, "--format", "firewalld").exit_code == 2
    root = ElementTree.fromstring(written(tmp_path, "--format", "firewalld", "--family", "6").stdout.encode())
    assert (root.tag, root.attrib) == ("ipset", {"type": "hash:net"})
    assert [one.text for one in root.findall("entry")] == ["2001:db8:1::/48"]
    assert root.find("option[@name='family']").attrib["value"] == "inet6"  # type: ignore[union-attr]  # or it fails


@pytest.mark.parametrize("format_", ["nft", "ipset", "firewalld", "fail2ban", "json"])
def test_lists_are_utf8_whatever_a_terminal_can_show(tmp_path: Path, format_: str) -> None:
    conf = "[t]\ntype=transport\nbind=0.0.0.0\n[caf\u00e9]\ntype=endpoint\n"
    conf += "[caf\u00e9]\ntype=identify\nendpoint=caf\u00e9\nmatch=192.0.2.9\n"
    (tmp_path / "pjsip.conf").write_text(conf, encoding="utf-8")
    family = ["--family", "4"] if format_ == "firewalld" else []
    words = ["allowlist", "-c", str(tmp_path), "--format", format_, *family]
    shown = [
        subprocess.run(
            [sys.executable, "-m", "pjsipdiag", *words],
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
            check=False,
        ).stdout
        for encoding in ("latin-1", "utf-8")
    ]
    assert shown[0] == shown[1]
    assert ("caf\\u00e9" if format_ == "json" else "caf\u00e9") in shown[0].decode()


def test_fail2ban_reads_whom_never_to_ban(tmp_path: Path) -> None:
    parser = configparser.ConfigParser()
    parser.read_string(written(tmp_path, "--format", "fail2ban").stdout)
    assert parser["asterisk"]["ignoreip"].split() == [
        "127.0.0.1/8", "::1", "203.0.113.0/29", "203.0.113.8", "2001:db8:1::/48",
    ]  # fmt: skip


@pytest.mark.parametrize("format_", ["nft", "ipset", "fail2ban", "json"])
def test_what_is_left_open_is_in_the_list_and_in_the_status(tmp_path: Path, format_: str) -> None:
    result = written(tmp_path, "--format", format_, conf=CONF + "match=sip.example.com\n")
    assert result.exit_code == 1
    assert "sip.example.com" in result.stdout
    assert "left open" in result.stderr
    assert written(tmp_path, "--format", format_).exit_code == 0


def test_a_list_without_any_address_that_is_known_empties_no_set(tmp_path: Path) -> None:
    only_a_name = CONF.partition("match=")[0] + "match=sip.example.com\n"
    result = written(tmp_path, "--format", "nft", conf=only_a_name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nothing is written" in result.stderr


def test_hostile_names_stay_in_their_comment(tmp_path: Path) -> None:
    conf = CONF.replace("[i]", "[i\x1b[2J\x85]").replace("endpoint=p", "endpoint=p\x1b\u2028x")
    for format_ in ("nft", "ipset", "fail2ban"):
        text = written(tmp_path, "--format", format_, conf=conf).stdout
        assert "\x1b" not in text
        assert "\u2028" not in text
    ElementTree.fromstring(written(tmp_path, "--format", "firewalld", "--family", "4", conf=conf).stdout.encode())


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    result = written(tmp_path, "--format", "nft", "--also", "lan")
    assert (result.exit_code, "--also 'lan' is no network" in result.stderr) == (2, True)
