"""What lies behind a URL is read as what lies on this machine is: the same answer, from real servers."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag import storage
from pjsipdiag.capture import expand, read_messages
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.handover.extract import messages_of
from pjsipdiag.report import render
from pjsipdiag.storage import LARGEST_READ, Url, locate, open_url
from tests.bench.captures import write
from tests.capture.files import cut, records
from tests.cli.commands import run
from tests.diagnosis.scene import write_scene
from tests.stores import SECRET, STORES, Store

DEMO = Path(__file__).parent.parent / "fixtures/demo"


@pytest.fixture(scope="module", params=STORES)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with a configuration, single captures, rotated ones, and one that is read in many pieces."""
    with STORES[request.param](tmp_path_factory.mktemp(request.param)) as store:
        shutil.copytree(DEMO / "etc", store.folder / "etc")
        for name in ("one.pcap", "with blank.pcap"):
            shutil.copy(DEMO / "capture.pcap", store.folder / name)
        write(store.folder / "whole.pcap", "tcp", 600)
        raw = (store.folder / "whole.pcap").read_bytes()
        middle = len(records(raw)[1]) // 2
        cut(raw, [middle // 2, middle], store.folder / "rotated", zipped=True)
        write(store.folder / "big.pcap", "siponly", 12_000)
        (store.folder / "rotated" / "README").write_text("no capture")
        case = tomllib.loads((DEMO.parent / "diagnosis/media-rejected.toml").read_text())["case"][0]
        (store.folder / "offer/etc").mkdir(parents=True)
        write_scene(case["calls"], store.folder / "offer/calls.pcap")
        (store.folder / "offer/etc/pjsip.conf").write_text(case["files"]["pjsip.conf"])
        store.put()
        yield store


@pytest.fixture
def store(filled: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, value in filled.environment.items():
        monkeypatch.setenv(name, value)
    if filled.url.startswith("s3:"):
        from s3fs import S3FileSystem

        S3FileSystem.clear_instance_cache()
    return filled


def reported(capture: str, config: str, jobs: int = 1) -> str:
    return render(diagnose([capture], config, jobs=jobs), "json")


@pytest.mark.parametrize("name", ["one.pcap", "with blank.pcap", "big.pcap", "rotated/", "rotated/*-*"])
def test_a_store_says_what_this_machine_says(name: str, store: Store) -> None:
    found = reported(f"{store.url}/{name}", f"{store.url}/etc/", 2).replace("%20", " ")
    assert found.replace(store.url, str(store.folder)) == reported(
        f"{store.folder}/{name}".rstrip("/"), f"{store.folder}/etc"
    )


def test_a_file_is_a_path_of_this_machine() -> None:
    url = (DEMO / "capture.pcap").resolve().as_uri()
    assert reported(url, (DEMO / "etc").resolve().as_uri()) == reported(str(DEMO / "capture.pcap"), str(DEMO / "etc"))
    with pytest.raises(PjsipdiagError, match="names this machine"):
        locate("file://elsewhere/x")


def test_calls_are_extracted(store: Store) -> None:
    call = str(next(message.call_id for message in read_messages(DEMO / "capture.pcap")))
    here = messages_of([DEMO / "capture.pcap"], [call]).datagrams
    assert messages_of([f"{store.url}/one.pcap"], [call]).datagrams == here


def test_what_an_offer_held_is_read_a_second_time(store: Store) -> None:
    """The refusal of a codec is told by the INVITE's body, which folding does not keep."""
    report = diagnose([f"{store.url}/offer/calls.pcap"], f"{store.url}/offer/etc/")
    assert "the INVITE offers G729 over RTP/AVP" in "".join(report.findings[0].evidence)


@pytest.mark.parametrize("what", ["nowhere.pcap", "nowhere/", "nowhere-*.pcap"])
def test_what_is_not_there_is_named_in_one_line(what: str, store: Store) -> None:
    done = run(f"{store.url}/{what}", "-c", DEMO / "etc")
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert f"{store.url}/nowhere" in done.stderr


def test_a_configuration_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(PjsipdiagError, match="no configuration at"):
        reported(str(DEMO / "capture.pcap"), f"{store.url}/nowhere/")


def test_who_may_not_read_is_told_so(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without keys in its own files, or with a host that they do not name."""
    if not store.url.startswith(("s3:", "sftp:")):
        pytest.skip("this store lets everybody in")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    environment = {**os.environ, "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-m", "pjsipdiag", f"{store.url}/one.pcap", "-c", DEMO / "etc"],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
    assert "credentials" in done.stderr or "trusted" in done.stderr


def test_reading_is_in_pieces(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than two pieces are in memory, and nothing behind the end of a part is asked for."""
    asked: list[tuple[int, int]] = []
    known = storage.Remote._fetch

    def fetch(self: storage.Remote, at: int, size: int) -> bytes:
        found = known(self, at, size)
        asked.append((at, len(found)))
        return found

    monkeypatch.setattr(storage.Remote, "_fetch", fetch)
    url = locate(f"{store.url}/big.pcap")
    assert isinstance(url, Url)
    content = (store.folder / "big.pcap").read_bytes()
    with open_url(url, 100, 3_000_000) as file:
        assert b"".join(iter(lambda: file.read(70_001), b"")) == content[100:3_000_000]
    assert max(at + size for at, size in asked) <= 3_000_000
    assert max(size for _, size in asked) <= LARGEST_READ
    assert sum(size for _, size in asked) == 3_000_000 - 100


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{SECRET}@localhost:1/x.pcap",
        f"https://{SECRET}@localhost:1/x.pcap",
        f"s3://key:{SECRET}@captures/x.pcap",
        f"sftp://user:{SECRET}@localhost:1/x.pcap",
        f"https://localhost:1/x.pcap?X-Amz-Signature={SECRET}",
        f"http://localhost:1/x.pcap?sig={SECRET}#{SECRET}",
    ],
)
@pytest.mark.parametrize("where", ["capture", "config"])
def test_no_secret_of_a_url_is_printed(url: str, where: str) -> None:
    capture, config = (url, str(DEMO / "etc")) if where == "capture" else (str(DEMO / "capture.pcap"), url)
    done = run("diagnose", capture, "-c", config)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert SECRET not in done.stderr


def test_a_signed_url_is_opened_as_it_is_and_shown_without(tmp_path: Path) -> None:
    with STORES["s3"](tmp_path) as store:
        shutil.copy(DEMO / "capture.pcap", store.folder / "one.pcap")
        store.put()
        import boto3

        session = boto3.Session("testing", SECRET, region_name="us-east-1")
        client = session.client("s3", endpoint_url=store.environment["AWS_ENDPOINT_URL"])
        signed = client.generate_presigned_url("get_object", Params={"Bucket": "captures", "Key": "one.pcap"})
        assert "?" in signed
        report = reported(signed, str(DEMO / "etc"))
    assert '"file": "http://127.0.0.1:' in report
    assert "ignature" not in report


def test_another_scheme_is_named() -> None:
    with pytest.raises(PjsipdiagError, match="nonsense://x/y"):
        expand(["nonsense://x/y"])


@given(st.text(st.characters(categories=("L", "N", "P", "S")), max_size=30))
def test_a_url_travels_whole_and_is_shown_without_its_query(rest: str) -> None:
    url = Url(f"https://host/{rest}?{SECRET}")
    there = pickle.loads(pickle.dumps(url))
    assert there == url == str(url) == f"{url}"
    assert there.whole == url.whole == f"https://host/{rest}?{SECRET}"
    assert SECRET not in url
