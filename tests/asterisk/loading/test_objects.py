"""`load_config`: what cannot be read at all, what is dropped and where, other sources of objects."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.files.files import Disk
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.resolve import Hosts
from pjsipdiag.asterisk.section import Where
from pjsipdiag.errors import ConfigError, PjsipdiagError

ENDPOINT = "[e]\ntype=endpoint\n"


def load(text: str, hosts: Hosts | None = None, **files: str) -> Config:
    overlay = {name.replace("_conf", ".conf"): content for name, content in files.items()}
    return load_config(None, "22.10.1", hosts, overlay={"pjsip.conf": ENDPOINT + text, **overlay})


def identify(*lines: str) -> str:
    return "\n".join(["[i]", "type=identify", "endpoint=e", *lines, ""])


def test_a_missing_directory_and_one_without_pjsip_conf(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no configuration at"):
        load_config(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"no pjsip\.conf in"):
        load_config(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="neither a directory nor a plain file"):
        load_config(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="no configuration at"):
        load_config("nul\0byte")


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pjsip.conf").write_text(ENDPOINT)

    def deny(path: Path, *_: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.open", deny)  # root reads everything, so no file mode can show this
    with pytest.raises(ConfigError, match=r"cannot read .*pjsip\.conf: Permission denied"):
        load_config(tmp_path)


def test_a_directory_that_may_not_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pjsip.conf").write_text(ENDPOINT)
    plain = Path.stat

    def deny(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if self.name == "pjsip.conf":
            raise PermissionError(13, "Permission denied", str(self))
        return plain(self, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", deny)  # root enters everything, so no directory mode can show this
    with pytest.raises(ConfigError, match=r"cannot read .*pjsip\.conf: Permission denied"):
        load_config(tmp_path)


def test_an_unknown_version() -> None:
    with pytest.raises(PjsipdiagError, match="'newest' names no Asterisk release"):
        load_config(None, "newest", overlay={"pjsip.conf": ""})


def test_a_single_file_says_that_only_it_is_known(tmp_path: Path) -> None:
    path = tmp_path / "trunk.conf"
    path.write_text(ENDPOINT + "#include elsewhere.conf\n" + identify("match=192.0.2.1"))
    config = load_config(path)
    assert list(config.endpoints) == ["e"]
    assert [i.name for i in config.identifies] == ["i"]
    assert [w.reason for w in config.warnings] == [
        "only trunk.conf was given: other files of the configuration are not known",
        "the included file elsewhere.conf is not known: only one file was given",
    ]


def test_wizard_objects_name_their_wizard_and_its_lines() -> None:
    config = load("", pjsip_wizard_conf="[w]\ntype=wizard\nremote_hosts=203.0.113.1:5070\nendpoint/context=in\n")
    endpoint, (made,) = config.endpoints["w"], config.identifies
    assert (endpoint.wizard, endpoint.context) == ("w", "in")
    assert (made.name, made.wizard, made.endpoint) == ("w-identify", "w", "w")
    assert [(rule.port, rule.where) for rule in made.rules] == [(5070, Where("pjsip_wizard.conf", 3, "w"))]


def test_ports_of_remote_hosts_were_cut_off_before() -> None:
    wizard = {"pjsip_wizard.conf": "[w]\ntype=wizard\nremote_hosts=203.0.113.1:5070\n", "pjsip.conf": ""}
    old, new = (load_config(None, v, overlay=wizard).identifies[0].rules[0].port for v in ("18.5.1", "18.6.0"))
    assert (old, new) == (0, 5070)


def test_a_type_mapped_to_memory_takes_nothing_from_an_older_wizard() -> None:
    """Ran: 16.28.0 has the identify of the wizard and no endpoint, 22.10.1 has both."""
    files = {
        "sorcery.conf": "[res_pjsip]\nendpoint/a=config,pjsip.conf,criteria=type=endpoint\nendpoint/b=memory\n",
        "pjsip_wizard.conf": "[w]\ntype=wizard\nremote_hosts=203.0.113.1\n",
        "pjsip.conf": "[e]\ntype=endpoint\n",
    }
    old, new = (load_config(None, version, overlay=files) for version in ("16.28.0", "22.10.1"))
    assert [sorted(old.endpoints), sorted(new.endpoints)] == [["e"], ["e", "w"]]
    assert [one.name for one in old.identifies] == [one.name for one in new.identifies] == ["w-identify"]


OWNER = "[res_pjsip_endpoint_identifier_ip]\n"
CACHE = "identify/cache=memory_cache,maximum_objects=5\n"
CACHED = (
    (CACHE, ["w-identify"], "CACHE_ALONE"),
    ("identify=config,pjsip.conf,criteria=type=identify\n" + CACHE, ["i"], "CACHE_ENDS_LIST"),
    ("identify=config,empty.conf,criteria=type=identify\n" + CACHE, ["w-identify"], ""),
    (CACHE + "identify=config,pjsip.conf,criteria=type=identify\n", ["i", "w-identify"], ""),
    ("identify/cache=config,pjsip.conf,criteria=type=identify\n", ["i"], "LINE_OF_CACHE_ENDS_LIST"),
    ("identify/mycache2=config,empty.conf,criteria=type=identify\n", ["w-identify"], ""),
)


@pytest.mark.parametrize(("lines", "names", "said"), CACHED, ids=range(len(CACHED)))
@pytest.mark.parametrize("version", ["16.28.0", "22.10.1"])
def test_where_the_cache_of_identifies_stands_decides_what_is_asked(
    lines: str, names: list[str], said: str, version: str
) -> None:
    """Ran on both: any line takes the place of the default, and a list that has something ends at a cache."""
    files = {
        "sorcery.conf": OWNER + lines,
        "pjsip_wizard.conf": "[w]\ntype=wizard\nremote_hosts=203.0.113.1\n",
        "pjsip.conf": "[i]\ntype=identify\nendpoint=w\nmatch=203.0.113.2\n",
        "empty.conf": "",
    }
    config = load_config(None, version, overlay=files)
    assert [one.name for one in config.identifies] == names
    assert [one.why.kind.name for one in config.warnings] == ([said] if said else [])


def test_a_memory_that_is_a_cache_has_no_objects_of_its_own() -> None:
    """Ran: 16.28.0 refuses the wizard beside it, 22.10.1 asks the wizard after it."""
    files = {
        "sorcery.conf": OWNER + "identify/cache=memory\nidentify=config,pjsip.conf,criteria=type=identify\n",
        "pjsip_wizard.conf": "[w]\ntype=wizard\nremote_hosts=203.0.113.1\n",
        "pjsip.conf": "[i]\ntype=identify\nendpoint=w\nmatch=203.0.113.2\n",
    }
    old, new = (load_config(None, version, overlay=files) for version in ("16.28.0", "22.10.1"))
    assert ([one.name for one in old.identifies], [one.name for one in new.identifies]) == (["i"], ["i", "w-identify"])
    assert not old.unread_objects and not new.unread_objects


def test_types_in_a_database_are_named() -> None:
    config = load(
        "",
        sorcery_conf="[res_pjsip]\nendpoint=realtime,ps_endpoints\n[res_pjsip_endpoint_identifier_ip]\n"
        "identify=config,pjsip.conf,criteria=type=identify\nidentify=realtime,ps_endpoint_id_ips\n",
        extconfig_conf="[settings]\nps_endpoints => odbc,asterisk\nPS_ENDPOINT_ID_IPS => odbc,asterisk\n",
    )
    assert config.elsewhere == {"endpoint", "identify"}
    assert config.endpoints == {}


def test_a_family_that_extconfig_does_not_have_keeps_pjsip_from_loading_or_falls_back() -> None:
    main = "[t]\ntype=transport\nbind=0.0.0.0\n[e]\ntype=endpoint\n"
    other = "[settings]\nqueues => odbc,asterisk\n"
    config = load(main, sorcery_conf="[res_pjsip]\nendpoint=realtime,ps_endpoints\n", extconfig_conf=other)
    assert (config.listeners, config.absent_modules[0].is_fatal) == ((), True)
    assert config.absent_modules[0].where == Where("sorcery.conf", 2, "res_pjsip")
    mapped = "[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ps_endpoint_id_ips\n"
    fallback = load(main, sorcery_conf=mapped, extconfig_conf=other)
    assert [transport.name for transport in fallback.listeners] == ["t"]
    assert "extconfig.conf does not map ps_endpoint_id_ips" in fallback.warnings[0].reason
    assert fallback.elsewhere == frozenset()
    assert load(main, sorcery_conf=mapped).elsewhere == {"identify"}, "a copy without extconfig.conf tells nothing"


@pytest.mark.parametrize(
    ("mapped", "types"),
    [
        ("[res_pjsip]\nendpoint=realtime,e\nauth=realtime,a\naor=realtime,r\n", {"endpoint", "auth", "aor"}),
        ("[res_pjsip]\nendpoint=realtime,e\nauth=nothing\naor=realtime,r\n", {"endpoint"}),
        ("[res_pjsip_endpoint_identifier_ip]\nany=realtime,a\nidentify=realtime,i\n", {"identify"}),
        ("[res_pjsip_endpoint_identifier_ip]\nidentify=realtime\n", set()),
        ("[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,i,unheard=of\n", set()),
        ("[acl]\nendpoint=realtime,e\n", set()),
    ],
)
def test_what_extconfig_would_map_were_it_there_is_unknown(mapped: str, types: set[str]) -> None:
    assert load("", sorcery_conf=mapped).elsewhere == types


NO_DIGEST = "a: No plain text or digest password found for algorithm {} in supported_algorithms_{}"
MD5, SHA = f"md5_cred={'5' * 32}", f"password_digest=SHA-256:{'a' * 64}"


@pytest.mark.parametrize(
    ("settings", "digest", "missing"),
    [
        ("uas=SHA-256 uac=SHA-256", MD5, ["SHA-256 uas", "SHA-256 uac"]),
        ("uas=SHA-256", MD5, ["SHA-256 uas"]),
        ("uas=MD5,SHA-256", MD5, ["SHA-256 uas"]),
        ("uas=SHA-256 uac=SHA-256", SHA, []),
        ("", SHA, ["MD5 uas", "MD5 uac"]),
    ],
)
@pytest.mark.parametrize("behind", [False, True])
def test_the_global_section_names_the_algorithms_of_auths_that_name_none(
    settings: str, digest: str, missing: list[str], behind: bool
) -> None:
    lines = [f"default_auth_algorithms_{one}" for one in settings.split()]
    sections = ["\n".join(["[global]", "type=global", *lines, ""]), f"[a]\ntype=auth\nusername=u\n{digest}\n"]
    config = load("".join(sections[::-1] if behind else sections))
    logged = [line for one in config.dropped for line in one.log.splitlines()]
    assert logged[:-1] == [NO_DIGEST.format(*one.split()) for one in missing]
    assert bool(config.auths) is not bool(missing)


def test_an_access_list_that_does_not_exist_is_missing_unless_none_could_be_loaded() -> None:
    text = "[f]\ntype=endpoint\nacl=known,unknown\ndeny=0.0.0.0/0\npermit=10.0.0.0/8\n"
    acl = load(text, acl_conf="[known]\npermit=192.0.2.0/24\n").endpoints["f"].acl
    assert (acl.names, acl.missing) == (("known", "unknown"), ("unknown",))
    assert [rule.deny for rule in acl.rules] == [True, False]
    assert load(text, acl_conf="[known]\nbogus=1\n").endpoints["f"].acl.missing == ()


def test_a_bad_rule_drops_the_general_access_list() -> None:
    config = load("[a]\ntype=acl\ndeny=0.0.0.0/0\npermit=nonsense\n")
    assert config.acls == ()
    assert [(d.type, d.where.line) for d in config.dropped] == [("acl", 6)]


def test_sections_without_a_name_are_no_duplicates_and_nobody_finds_them() -> None:
    config = load("[]\ntype=endpoint\n[]\ntype=endpoint\n[]\ntype=identify\nendpoint=e\nmatch=192.0.2.1\n")
    assert list(config.endpoints) == ["e"]
    assert [(identify.name, identify.endpoint) for identify in config.identifies] == [("", "e")]


def test_geolocation_profiles_are_looked_for_where_their_file_is_known() -> None:
    text = "[g]\ntype=endpoint\ngeoloc_incoming_call_profile=here\n"
    assert "g" in load(text).endpoints
    assert "g" in load(text, geolocation_conf="[here]\ntype=profile\n").endpoints
    config = load(text, geolocation_conf="[here]\ntype=location\n")
    assert [(d.name, d.where.line) for d in config.dropped] == [("g", 5)]


def test_large_configurations_load_in_linear_time() -> None:
    def count(n: int) -> int:
        text = "[t](!)\ntype=endpoint\nallow=ulaw\n" + "".join(
            f"[e{i}](t)\n[i{i}]\ntype=identify\nendpoint=e{i}\nmatch=10.{i >> 8 & 255}.{i & 255}.1\n" for i in range(n)
        )
        return len(load_config(None, overlay={"pjsip.conf": text}).identifies)

    assert count(3000) == 3000


def test_an_interface_that_may_not_be_there_leaves_an_identify_open() -> None:
    text = "[e]\ntype=endpoint\n[i]\ntype=identify\nendpoint=e\nmatch=fe80::1%eth7\n"
    (identify,) = load(text).identifies
    assert [name.text for name in identify.unresolved] == ["fe80::1%eth7"]
    assert load(text.replace("eth7", "lo")).identifies[0].unresolved == ()


def test_registrations_of_a_wizard_ask_for_line_tokens() -> None:
    """res_pjsip_config_wizard.c, handle_registrations(): `line=yes` and the wizard's own endpoint."""
    text = (
        "[w]\ntype=wizard\nremote_hosts=203.0.113.1\nsends_registrations=yes\noutbound_auth/username=u\n"
        "sends_line_with_registrations={}\n"
    )
    for asked in (True, False):
        config = load("", pjsip_wizard_conf=text.format("yes" if asked else "no"))
        made = config.registrations["w-reg-0"]
        assert (made.line, made.endpoint) == (asked, "w" if asked else "")


def test_where_a_database_has_pjsip_conf_itself_every_type_is_unknown() -> None:
    config = load("", extconfig_conf="[settings]\npjsip.conf => odbc,asterisk\n")
    assert {"endpoint", "identify", "registration", "transport"} <= config.elsewhere
    assert not load("", extconfig_conf="[settings]\nqueues.conf => odbc,asterisk\n").elsewhere


def test_releases_that_load_from_one_disk_are_as_alone(tmp_path: Path) -> None:
    """They share what they read alike; a byte order mark and criteria with more than ASCII they do not."""
    (tmp_path / "pjsip.conf").write_text(
        "\ufeff[t](!)\ntype=endpoint\n[e](t)\nset_var=a=ü\n[e](+set_var=^a=.$)\ncontext=c\n#include more.conf\n"
    )
    (tmp_path / "more.conf").write_text(identify("match=192.0.2.1") + "#tryinclude gone.conf\n#include lost.conf\n")
    disk = Disk()
    for version in ("23.4.1", "22.10.1", "20.7.0", "16.0.0", "23.4.1"):
        for partial in (False, True):
            shared = load_config(tmp_path, version, disk=disk, partial=partial)
            alone = load_config(tmp_path, version, partial=partial)
            assert shared == alone
            assert [*shared.texts.items()] == [*alone.texts.items()]


def test_a_websocket_takes_no_port_of_pjsip() -> None:
    """As on real Asterisk 16.28.0 and 22.10.1: its bind= has the same default, and only the HTTP server binds."""
    texts = {kind: f"[{kind}]\ntype=transport\nprotocol={kind}\nbind=0.0.0.0\n" for kind in ("ws", "wss", "udp", "tcp")}
    config = load_config(None, overlay={"pjsip.conf": "".join(texts.values())})
    assert list(config.transports) == list(texts)
    twice = texts["udp"] + texts["udp"].replace("[udp]", "[again]")
    assert list(load_config(None, overlay={"pjsip.conf": twice}).transports) == ["udp"]


@pytest.mark.parametrize(
    ("refused", "old", "new"),
    [
        ("bind=0.0.0.0:5070\nfoo=bar", 5070, 5070),
        ("bind=0.0.0.0:5070\nprotocol=bogus", 5070, 0),
        ("foo=bar\nbind=0.0.0.0:5070", 0, 0),
        ("bind=0.0.0.0:5070\nfoo=bar\n[z]\ntype=transport\nprotocol=tcp\nbind=0.0.0.0:5080", 0, 0),
    ],
)
def test_a_transport_without_bind_takes_what_a_refused_one_left(refused: str, old: int, new: int) -> None:
    """Ran on both: newer releases forget it where an option of transports refuses its value."""
    text = f"[a]\ntype=transport\n{refused}\n[b]\ntype=transport\nprotocol=udp\n"
    for release, port in (("16.28.0", old), ("22.10.1", new)):
        config = load_config(None, release, overlay={"pjsip.conf": text})
        assert (config.transports["b"].port if "b" in config.transports else 0) == port
