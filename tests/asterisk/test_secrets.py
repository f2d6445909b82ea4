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
    f"password=[{SECRET}", f"password={SECRET}\\;{SECRET}", f"password={SECRET}\nfoo=1", f"api_secret={SECRET}",
    f"contact=sip:u:{SECRET}_passwd=@h.example",
)  # fmt: skip
COMMANDS = (
    ("check", "-vv"), ("check", "--format", "json"), ("check", "--format", "sarif"),
    ("suggest", str(CAPTURE), "--diff"), ("explain", "203.0.113.13"),
    ("diagnose", str(CAPTURE), "-vv", "--format", "html"),
)  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
@pytest.mark.parametrize("kind", ["auth", "endpoint", "registration", "aor"])
def test_no_output_holds_a_secret(kind: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(f"[p]\ntype=endpoint\naors=p\nauth=x\n[x]\ntype={kind}\n{line}\n")
    for command in COMMANDS if kind == "auth" else COMMANDS[:2]:
        assert SECRET not in CliRunner().invoke(main, [*command, "-c", str(tmp_path)]).output
