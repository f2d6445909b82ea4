"""Where a running Asterisk listens, and the secret for it, which is in no message."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag.asterisk.live import interface
from pjsipdiag.asterisk.live.snapshot import LiveError


@pytest.fixture(autouse=True)
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(interface.SECRET, raising=False)
    monkeypatch.delenv(f"{interface.SECRET}_FILE", raising=False)


def test_the_secret_is_from_the_environment_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("of a file\n")
    monkeypatch.setenv(f"{interface.SECRET}_FILE", str(file))
    found = interface.parse("ami://d%40x@[2001:db8::1]")
    assert (found.host, found.port, found.user, found.secret) == ("2001:db8::1", 5038, "d@x", "of a file")
    assert str(found) == "ami://[2001:db8::1]:5038"
    monkeypatch.setenv(interface.SECRET, "of the environment")
    found = interface.parse("https://d@pbx.example")
    assert (found.port, found.path, found.secret) == (8089, "/ari", "of the environment")
    assert "of the environment" not in repr(found) + str(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ami://diag@pbx", "needs the secret="),
        ("http://diag@pbx/ari", "needs the password="),
        ("ami://diag:hunter2@pbx", "takes no password"),
        ("ami://pbx", "takes a command"),
        ("telnet://diag:@pbx", "takes no password"),
        ("ami://diag@pbx:99999", "Port out of range"),
        ("ami://diag@[pbx", "Invalid IPv6 URL"),
    ],
)
def test_what_is_no_address_is_one_line(text: str, said: str) -> None:
    with pytest.raises(LiveError, match=said) as error:
        interface.parse(text)
    assert "hunter2" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "..", "a..b", "\u202epbx"])
def test_a_name_that_no_host_can_have_is_one_line(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv(interface.SECRET, "x")
    with pytest.raises(LiveError, match="no host can be called so"):
        interface.connect(interface.parse(f"ami://diag@{host}"))


def test_a_file_that_cannot_be_read_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(f"{interface.SECRET}_FILE", str(tmp_path / "none"))
    with pytest.raises(LiveError, match="No such file"):
        interface.parse("ami://diag@pbx")


def test_a_port_where_nobody_listens_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(interface.SECRET, "x")
    with pytest.raises(LiveError, match=r"cannot reach ami://127\.0\.0\.1:1: Connection refused"):
        interface.connect(interface.parse("ami://diag@127.0.0.1:1"))
