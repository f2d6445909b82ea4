"""Whom a list lets in is whom Asterisk's own law lets in, address for address."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.diagnosis.basis.name_sources import load
from pjsipdiag.firewall.allowed import allowed_networks

HEAD = (
    "[t]\ntype=transport\nbind=0.0.0.0\n[p]\ntype=endpoint\nidentify_by=ip\n{endpoint}\n"
    "[i]\ntype=identify\nendpoint=p\n"
)
DANGLING = "[j]\ntype=identify\nendpoint=gone\nmatch=198.51.100.1\n"
TELEPHONE = "[100]\ntype=endpoint\nauth=a\n[a]\ntype=auth\nusername=100\npassword=x\n"


def configured(tmp_path: Path, identify: str, endpoint: str = "", rest: str = "", **other: str) -> Config:
    (tmp_path / "pjsip.conf").write_text(HEAD.format(endpoint=endpoint) + identify + "\n" + rest)
    for name, text in other.items():
        (tmp_path / f"{name}.conf").write_text(text)
    return load(tmp_path, {})


@pytest.mark.parametrize(
    ("identify", "endpoint", "rest", "v4", "v6"),
    [
        ("match=203.0.113.10\nmatch=203.0.113.11", "", "", ["203.0.113.10/31"], []),
        ("match=203.0.113.0/29\nmatch=!203.0.113.6/31", "", "", ["203.0.113.0/30", "203.0.113.4/31"], []),
        ("match=!203.0.113.4/32\nmatch=203.0.113.0/29", "", "", ["203.0.113.0/29"], []),
        ("match=2001:db8::/32\nmatch=::ffff:192.0.2.9", "", "", ["192.0.2.9/32"], ["2001:db8::/32"]),
        ("match=203.0.113.10:5080", "", "", ["203.0.113.10/32"], []),
        ("match=203.0.113.0/24", "deny=0.0.0.0/0\npermit=203.0.113.64/26", "", ["203.0.113.64/26"], []),
        ("match=203.0.113.0/24", "", "[a]\ntype=acl\ndeny=203.0.113.0/25\n", ["203.0.113.128/25"], []),
        ("match=203.0.113.1", "", DANGLING, ["203.0.113.1/32"], []),
    ],
)  # fmt: skip
def test_networks(  # noqa: PLR0917  (a row of the table)
    tmp_path: Path, identify: str, endpoint: str, rest: str, v4: list[str], v6: list[str]
) -> None:
    found = allowed_networks(configured(tmp_path, identify, endpoint, rest))
    assert ([*map(str, found.networks(4))], [*map(str, found.networks(6))]) == (v4, v6)


def test_a_named_acl_denies(tmp_path: Path) -> None:
    lists = "[inner]\ndeny=0.0.0.0/0.0.0.0\npermit=203.0.113.0/255.255.255.128\n"
    found = allowed_networks(configured(tmp_path, "match=203.0.113.0/24", "acl=inner", acl=lists))
    assert [*map(str, found.networks(4))] == ["203.0.113.0/25"]
    assert not allowed_networks(configured(tmp_path, "match=203.0.113.0/24", "acl=nowhere")).networks(4)


@pytest.mark.parametrize(
    ("identify", "endpoint", "rest", "said"),
    [
        ("match=203.0.113.1", "", TELEPHONE, "locks out endpoint 100"),
        ("match=203.0.113.1", "", "[guest]\ntype=endpoint\n", "everybody gets in as endpoint guest without a password"),
        ("match=203.0.113.1", "", "[anonymous]\ntype=endpoint\n", "everybody gets in as endpoint anonymous"),
        ("match_header=X-Key: 7", "", "", "everybody gets in as endpoint p without a password (header)"),
        ("match=0.0.0.0/0", "", "", "stops nobody"),
        ("match=203.0.113.1", "", DANGLING, "endpoint 'gone', which does not exist"),
    ],
)  # fmt: skip
def test_who_gets_in_otherwise_is_said(tmp_path: Path, identify: str, endpoint: str, rest: str, said: str) -> None:
    found = allowed_networks(configured(tmp_path, identify, endpoint, rest))
    assert any(said in text for text in found.warnings), found.warnings


def test_without_its_module_no_address_gets_in(tmp_path: Path) -> None:
    modules = "[modules]\nautoload=yes\nnoload=res_pjsip_endpoint_identifier_ip.so\n"
    found = allowed_networks(configured(tmp_path, "match=203.0.113.1", modules=modules))
    assert not found.networks(4)
    assert any("match= is not asked" in text for text in found.warnings)


def test_a_name_that_was_not_resolved_is_left_open_and_one_that_was_is_in(tmp_path: Path) -> None:
    config = configured(tmp_path, "match=sip.example.com")
    assert "sip.example.com" in " ".join(allowed_networks(config).unknown)
    hosts = tmp_path / "hosts"
    hosts.write_text("203.0.113.7 sip.example.com\n")
    found = allowed_networks(load(tmp_path, {"hosts": hosts}))
    assert ([*map(str, found.networks(4))], found.unknown) == (["203.0.113.7/32"], ())


def test_what_stands_in_a_database_is_left_open(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        "match=203.0.113.1",
        sorcery="[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ps_endpoint_id_ips\n",
        extconfig="[settings]\nps_endpoint_id_ips => odbc,asterisk\n",
    )
    assert any("ps_endpoint_id_ips" in text or "identify" in text for text in allowed_networks(config).unknown)


ADDRESS = st.integers(0, 31).map(lambda last: f"203.0.113.{last}")
RULE = st.tuples(st.sampled_from(["", "!"]), ADDRESS, st.integers(27, 32)).map(lambda one: f"{one[0]}{one[1]}/{one[2]}")
PERMIT = st.tuples(st.sampled_from(["permit", "deny"]), ADDRESS, st.integers(27, 32)).map(
    lambda one: f"{one[0]}={one[1]}/{one[2]}"
)


@given(st.lists(RULE, min_size=1, max_size=5), st.lists(PERMIT, max_size=4))
def test_a_list_agrees_with_the_walk(matches: list[str], permits: list[str]) -> None:
    """The last rule that fits decides (main/acl.c): asked here for each address by itself."""
    text = HEAD.format(endpoint="\n".join(permits)) + "\n".join(f"match={one}" for one in matches)
    config = load_config(None, overlay={"pjsip.conf": text})
    networks = allowed_networks(config).networks(4)
    for last in range(40):
        ip = ip_address(f"203.0.113.{last}")
        taken = _decides([(one.lstrip("!"), not one.startswith("!")) for one in matches], ip, False)
        let = _decides([(one.partition("=")[2], one.startswith("permit")) for one in permits], ip, True)
        assert any(ip in network for network in networks) is (bool(config.identifies) and taken and let), ip


def _decides(rules: list[tuple[str, bool]], ip: object, otherwise: bool) -> bool:
    from ipaddress import ip_network

    return next((sense for text, sense in reversed(rules) if ip in ip_network(text, strict=False)), otherwise)
