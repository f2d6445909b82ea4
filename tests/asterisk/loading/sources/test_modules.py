"""What is required and does not load, and types in the wrong section of sorcery.conf: whether real Asterisk started.

Each row was run on Asterisk 16.28.0 and 22.10.1.
"""

from __future__ import annotations

import pytest

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.replay.identifiers import identify
from pjsipdiag.diagnosis import explain

PJSIP = """
[tu]
type=transport
protocol=udp
bind=0.0.0.0
[ea]
type=endpoint
[ia]
type=identify
endpoint=ea
match=203.0.113.10
"""
MODULES = "[modules]\nautoload=yes\n"
MISPLACED = "[res_pjsip]\n{0}=config,pjsip.conf,criteria=type={0}\n"


@pytest.mark.parametrize("release", ["16.28.0", "22.10.1"])
@pytest.mark.parametrize(
    ("files", "starts"),
    [
        ({"modules.conf": MODULES + "require=res_pjsip_acl.so\n"}, True),
        ({"modules.conf": MODULES + "load=res_nosuch.so\n"}, True),
        ({"modules.conf": MODULES + "require=RES_pjsip_acl.so\n"}, False),
        ({"modules.conf": MODULES + "load=RES_pjsip_acl.so\n"}, True),
        ({"modules.conf": MODULES + "require=app_dial.so\n"}, True),
        ({"modules.conf": MODULES + "require=RES_pjsip_path.so\nload=RES_pjsip_nat.so\n"}, True),
        ({"modules.conf": MODULES + "load=RES_pjsip_nat.so\nrequire=RES_pjsip_path.so\n"}, False),
        ({"modules.conf": MODULES + "require=\n"}, False),
        ({"modules.conf": MODULES + "require=RES_pjsip_path.so\n"}, False),
        ({"modules.conf": MODULES + "load=res_pjsip_path.so\nrequire=RES_pjsip_path.so\n"}, True),
        (
            {
                "modules.conf": MODULES + "require=res_pjsip_endpoint_identifier_ip.so\n",
                "sorcery.conf": MISPLACED.format("identify"),
            },
            False,
        ),
        ({"sorcery.conf": MISPLACED.format("identify")}, True),
        ({"sorcery.conf": MISPLACED.format("acl")}, True),
        ({"sorcery.conf": MISPLACED.format("phoneprov")}, True),
    ],
)
def test_whether_asterisk_starts(release: str, files: dict[str, str], starts: bool) -> None:
    config = load_config(None, release, overlay={"pjsip.conf": PJSIP, **files})
    assert bool(config.listeners) is starts
    assert any(one.is_fatal and "does not start" in one.reason for one in config.absent_modules) is not starts


@pytest.mark.parametrize("line", ["require=res_nosuch.so", "preload-require=res_nosuch", "require=/opt/x.so"])
def test_whether_a_strange_module_is_there_is_not_known(line: str) -> None:
    """Real Asterisk does not start without it, and who requires it may have it."""
    config = load_config(None, overlay={"pjsip.conf": PJSIP, "modules.conf": f"{MODULES}{line}\n"})
    verdict = identify(explain.request(explain.parse_source("203.0.113.10")), config)
    assert (verdict.outcome, verdict.endpoint) == ("unknown", "ea")
    assert "none of Asterisk's own modules" in verdict.trace[0].reason


def test_a_strange_module_behind_a_required_one_may_let_asterisk_start() -> None:
    """The last module that is not found decides, and real Asterisk starts without res_nosuch.so."""
    lines = f"{MODULES}require=RES_pjsip_path.so\nload=res_nosuch.so\n"
    config = load_config(None, overlay={"pjsip.conf": PJSIP, "modules.conf": lines})
    verdict = identify(explain.request(explain.parse_source("203.0.113.10")), config)
    assert (verdict.outcome, verdict.endpoint) == ("unknown", "ea")
    assert "that a later line names is not found either" in verdict.trace[0].reason


@pytest.mark.parametrize(
    ("release", "starts"),
    [("16.28.0", True), ("18.18.1", True), ("18.19.0", False), ("20.3.1", True), ("22.10.1", False)],
)
def test_a_cache_without_options_crashes_releases_that_copy_them(release: str, starts: bool) -> None:
    """sorcery_memory_cache_open(): ast_strdup() takes NULL, ast_strdupa() does not."""
    files = {"pjsip.conf": PJSIP, "sorcery.conf": "[res_pjsip]\nendpoint/cache=memory_cache\n"}
    assert bool(load_config(None, release, overlay=files).listeners) is starts
    empty = "[res_pjsip]\nendpoint=config,pjsip.conf,criteria=type=endpoint\nendpoint/cache=memory_cache,\n"
    assert load_config(None, release, overlay=files | {"sorcery.conf": empty}).listeners


@pytest.mark.parametrize(
    ("release", "section", "loads", "starts"),
    [
        ("16.28.0", "res_geolocation", "", False),
        ("16.27.0", "res_geolocation", "", True),
        ("22.10.1", "res_geolocation", "noload=res_geolocation.so\n", True),
        ("16.28.0", "profile", "", True),
        ("22.10.1", "profile", "", False),
        ("22.10.1", "location", "noload=res_geolocation.so\n", True),
        ("22.10.1", "res_stir_shaken", "", False),
        ("22.10.1", "res_stir_shaken", "noload=res_stir_shaken.so\n", True),
        ("17.9.4", "res_stir_shaken", "", True),
        ("16.28.0", "res_aeap", "", True),
        ("22.10.1", "res_aeap", "", False),
        ("16.28.0", "res_ari", "", True),
        ("22.10.1", "res_ari", "", False),
        ("22.7.0", "chan_websocket", "", True),
        ("22.8.0", "chan_websocket", "", False),
        ("22.10.1", "bucket", "", True),
    ],
)
def test_sections_of_other_modules_crash_where_these_read_them(
    release: str, section: str, loads: str, starts: bool
) -> None:
    """As 16.28.0 and 22.10.1 were recorded; of others, as their source has the module."""
    files = {
        "pjsip.conf": PJSIP,
        "sorcery.conf": f"[{section}]\nx=config,f.conf,criteria\n",
        "modules.conf": f"[modules]\nautoload=yes\n{loads}",
    }
    assert bool(load_config(None, release, overlay=files).listeners) is starts


@pytest.mark.parametrize(
    ("release", "section", "starts"),
    [
        ("16.28.0", "res_pjproject", False),
        ("22.10.1", "res_pjproject", False),
        ("22.10.1", "res_geolocation", False),
        ("22.10.1", "res_websocket_client", False),
        ("16.28.0", "res_websocket_client", True),
        ("22.10.1", "profile", True),
        ("22.10.1", "res_stir_shaken", True),
        ("22.10.1", "res_pjsip_pubsub", True),
    ],
)
def test_mappings_that_do_not_open_keep_what_needs_their_module_from_starting(
    release: str, section: str, starts: bool
) -> None:
    """As recorded."""
    files = {"pjsip.conf": PJSIP, "sorcery.conf": f"[{section}]\nx=bogus,f.conf\n"}
    config = load_config(None, release, overlay=files)
    assert bool(config.listeners) is starts
    assert any(f"[{section}] x=bogus,f.conf" in one.reason for one in config.absent_modules) is not starts


@pytest.mark.parametrize(
    ("release", "starts"),
    [("16.28.0", False), ("22.10.1", True), ("20.18.2", False), ("20.19.0", True), ("22.8.2", False), ("23.3.0", True)],
)
@pytest.mark.parametrize("mapping", ["config,pjsip.conf,criteria=type=registration", "memory"])
def test_registrations_in_the_wrong_section_crash_older_releases(release: str, starts: bool, mapping: str) -> None:
    """load_module() of res_pjsip_outbound_registration.c took back commands that it had not registered."""
    files = {"pjsip.conf": PJSIP, "sorcery.conf": f"[res_pjsip]\nregistration={mapping}\n"}
    config = load_config(None, release, overlay=files)
    assert bool(config.listeners) is starts
    assert ("line" in config.identifiers) is not starts
    assert any("crashes at start" in one.reason for one in config.absent_modules) is not starts
