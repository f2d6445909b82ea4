"""What holds a secret is in no output, well-formed or not, however a person spelt or misplaced it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main

SECRET = "hunter2Zq"
CAPTURE = Path(__file__).parents[2] / "fixtures/demo/capture.pcap"
LINES = (
    f"password={SECRET}", f"PassWord => {SECRET} ; x", f"pasword={SECRET}\nmd5_cred={SECRET}", f"passwd={SECRET}",
    f"md5_cred=user:asterisk:{SECRET}", f"password_digest=SHA-256:{SECRET}", f"oauth_secret={SECRET}",
    f"inbound_auth/password={SECRET}", f"password{SECRET}", f"password {SECRET}", f"#password={SECRET}",
    f"# password={SECRET}", f"#exec /bin/x --password={SECRET}", f"password={SECRET}{'x' * 9000}",
    f"[y](x,password={SECRET})", f"[y](+password={SECRET})", f"contact=sip:u:{SECRET}@h.example",
    f"server_uri=sip:u:{SECRET}@[", f"outbound_proxy=sip:u:{SECRET}@h.example", f"set_var=PASSWORD={SECRET}",
    f"pasword={SECRET}", f"passord={SECRET}", f"psasword={SECRET}", f"sercet={SECRET}", f"pass={SECRET}",
    f"api_key={SECRET}", f"auth_token={SECRET}", f"inbound_auth/pssword={SECRET}",
    f"password=[{SECRET}", f"password={SECRET}\\;{SECRET}", f"password={SECRET}\nfoo=1", f"api_secret={SECRET}",
    f"contact=sip:u:{SECRET}_passwd=@h.example",
)  # fmt: skip
COMMANDS = (
    ("check", "-vv"), ("check", "--format", "html"), ("check", "--format", "json"), ("check", "--format", "sarif"),
    ("suggest", str(CAPTURE), "--diff"), ("explain", "203.0.113.13"),
    ("diagnose", str(CAPTURE), "-vv", "--format", "html"),
)  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
@pytest.mark.parametrize("kind", ["auth", "endpoint", "registration", "aor"])
def test_no_output_holds_a_secret(kind: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(f"[p]\ntype=endpoint\naors=p\nauth=x\n[x]\ntype={kind}\n{line}\n")
    for command in COMMANDS if kind == "auth" else COMMANDS[:3]:
        assert SECRET not in CliRunner().invoke(main, [*command, "-c", str(tmp_path)]).output


def test_what_follows_a_url_is_not_told_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[x]\ntype=endpoint\n")
    (tmp_path / "extconfig.conf").write_text("[settings]\nps_endpoints => odbc,asterisk\n")
    (tmp_path / "sorcery.conf").write_text("[res_pjsip]\nendpoint=realtime,ps_endpoints\n")
    for url in ("sqlite:///gone?password={}", "mysql://u:{}@h/x", "postgresql://127.0.0.1:1/x?user=u&password={}"):
        found = CliRunner().invoke(main, ["check", "-c", str(tmp_path), "--database", f"asterisk={url.format(SECRET)}"])
        assert SECRET not in found.output


@pytest.mark.parametrize(
    "url",
    [
        f"http://u:{SECRET}@h.example/x",
        f"https://h.example/x?token={SECRET}",
        f"HTTP://:{SECRET}@h",
        f"ldap://u:{SECRET}@h",
    ],
)
def test_what_the_address_of_a_web_server_holds_is_not_told(url: str, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[x]\ntype=endpoint\n")
    (tmp_path / "extconfig.conf").write_text(f"[settings]\nps_endpoints => curl,{url}\nps_auths => curl,{url},a\n")
    (tmp_path / "sorcery.conf").write_text("[res_pjsip]\nendpoint=realtime,ps_endpoints\nidentify=realtime,ps_auths\n")
    for command in COMMANDS:
        shown = CliRunner().invoke(main, [*command, "-c", str(tmp_path)]).output
        assert SECRET not in shown


@pytest.mark.parametrize(
    "mapping",
    [
        "realtime,{}",
        "curl,{}",
        "realtime,f,{}",
        "memory_cache,{}",
        "config,{},criteria",
        "config,f.conf,criteria={}",
        "config,f.conf,integrity,{}",
    ],
)
@pytest.mark.parametrize("section", ["res_pjsip", "acl", "res_pjproject", "res_geolocation"])
def test_what_a_mapping_holds_where_a_url_does_not_belong_is_not_told(
    section: str, mapping: str, tmp_path: Path
) -> None:
    (tmp_path / "pjsip.conf").write_text("[x]\ntype=endpoint\n")
    line = "x=" + mapping.format(f"http://u:{SECRET}@h.example/x")
    (tmp_path / "sorcery.conf").write_text(f"[{section}]\n{line}\n")
    (tmp_path / "extconfig.conf").write_text("[settings]\nf => odbc,main\n")
    shown = CliRunner().invoke(main, ["check", "-c", str(tmp_path)]).output
    assert "x=" in shown
    assert SECRET not in shown
