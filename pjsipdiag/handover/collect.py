"""The input of a diagnosis, brought from the PBX: a capture, the configuration, the running Asterisk's answers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory, TemporaryFile
from typing import BinaryIO

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.files.files import ETC
from pjsipdiag.asterisk.live import questions, saved
from pjsipdiag.asterisk.live.asking import by_command
from pjsipdiag.asterisk.live.snapshot import LiveAnswers, LiveError, WantedNames
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.capture import expand
from pjsipdiag.capture.source import tcpdump
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.basis.live_questions import ask, callers_hosts
from pjsipdiag.diagnosis.work.gather import begin
from pjsipdiag.errors import CaptureError, ConfigError, PjsipdiagError, visible
from pjsipdiag.handover import tar
from pjsipdiag.handover.bundle import LARGEST_BUNDLE, write_bundle
from pjsipdiag.inputs import LARGEST_WHOLE
from pjsipdiag.machine import Machine
from pjsipdiag.outputs import PRIVATE_MODE, write_file
from pjsipdiag.redact.redacted_files import BESIDE, LIVE_FILE, redact_files
from pjsipdiag.sip import SIP_PORTS

UNWANTED = ("*.pem", "*.key", "*.crt")
"""Keys of TLS: no diagnosis needs them."""
OVERTIME = 30
"""Seconds that a capture may take longer than asked for."""


@dataclass(frozen=True, slots=True)
class BundleOrder:
    """The order for one bundle: a capture of some `seconds` on an `interface`, or the `newest` files that `rotated`, a
    directory or a pattern, stands for; the configuration at `etc`; everything redacted, or as it is."""

    seconds: float = 60
    interface: str = "any"
    rotated: str | None = None
    newest: int = 3
    etc: str = ETC
    redact: bool = False


@dataclass(slots=True)
class Collector:
    """The way of one bundle: the configuration first, for it names the ports; the capture; then the questions, for
    callers name hosts.

    :raises PjsipdiagError: from each method; the configuration or the capture cannot be had.
    """

    machine: Machine
    wish: BundleOrder
    folder: Path
    capture_notes: list[str] = field(default_factory=list)
    """Sentences about the capture."""
    lacking_parts: list[str] = field(default_factory=list)
    """The parts that could not be had, in words of the other machine."""

    def configuration(self) -> Config:
        """The configuration, of which only the files that decide on calls stay."""
        everything, etc = self.folder / "everything", self.folder / "etc"
        everything.mkdir()
        excluded = [f"--exclude={pattern}" for pattern in UNWANTED]
        words = ["tar", "-C", self.wish.etc, "--format=ustar", *excluded, "-chf", "-", "."]
        self._fetch(words, everything, LARGEST_WHOLE, self.wish.etc)
        try:
            loaded = load_config(everything)
        except ConfigError as error:
            said = str(error).replace(str(everything), self.wish.etc.rstrip("/"))
            raise PjsipdiagError(
                "; ".join([f"{said} (on {visible(self.machine.name)})", *self.lacking_parts])
            ) from None
        for name in {*loaded.texts, *BESIDE}:
            if (everything / name).is_file():
                (etc / name).parent.mkdir(parents=True, exist_ok=True)
                (everything / name).rename(etc / name)
        return loaded

    def capture(self, ports: Iterable[int]) -> None:
        """SIP at these ports and the usual ones, as long as wished for."""
        path = self.folder / "capture.pcap"
        words = tcpdump.arguments(ports, self.wish.interface, self.wish.seconds)
        with path.open("wb") as output:
            said = self._run(words, output, self.wish.seconds + OVERTIME)
        if not path.stat().st_size:
            raise PjsipdiagError(f"{self._at('tcpdump')}: {_last(said)}")
        self.capture_notes.append(f"a capture of {self.wish.seconds:g} s on {self.wish.interface}")
        if count := tcpdump.count_dropped(said):
            missing = "1 packet is missing" if count == 1 else f"{count:,} packets are missing"
            self.capture_notes.append(f"{missing}, which the kernel dropped")

    def fetch_rotated(self) -> None:
        """The newest files of a rotating capture."""
        assert self.wish.rotated is not None
        place = PurePosixPath(self.wish.rotated)
        pattern = ["-name", place.name] if set("*?[") & set(place.name) else []
        where = str(place.parent if pattern else place)
        with TemporaryFile() as output:
            find = ["find", "-H", where, "-maxdepth", "1", "-type", "f", *pattern, "-printf", "%T@ %f\\0"]
            said = self._run(find, output, OVERTIME)
            output.seek(0)
            found = [entry.split(b" ", 1) for entry in output.read().split(b"\0") if entry]
        if not found:
            raise PjsipdiagError(f"{self._at(where)}: {_last(said)}")
        newest = sorted(found, key=lambda entry: float(entry[0]))[-self.wish.newest :]
        names = [name.decode("utf-8", "surrogateescape") for _, name in newest]
        files = self.folder / "rotated"
        files.mkdir()
        words = ["tar", "-C", where, "--format=ustar", "-chf", "-", "--", *(f"./{name}" for name in names)]
        fetched = self._fetch(words, files, LARGEST_BUNDLE, where)
        for number, name in enumerate(fetched, 1):
            try:
                expand([files / name])
            except CaptureError as error:
                self.lacking_parts.append(f"passed over: {visible(name)}{str(error).removeprefix(str(files / name))}")
                continue
            (files / name).rename(self.folder / f"capture-{number}.pcap")
        taken = len(self._captures())
        if not taken:
            raise PjsipdiagError(f"{self._at(where)}: there is no capture among the newest {len(newest)} files")
        self.capture_notes.append(f"the newest {taken} of {len(found)} captures")

    def live(self) -> None:
        """Asks the running Asterisk; that it tells nothing is a note."""

        def asking(wanted: WantedNames) -> LiveAnswers:
            return questions.ask_all(by_command(self.machine.words("asterisk", "-rx")), self.machine.name, wanted)

        captures = [str(path) for path in self._captures()]
        with begin(captures, {"jobs": 1}) as begun:
            hosts = callers_hosts(begun.finish().merged)
        try:
            told = ask(self.folder / "etc", {"live": asking}, hosts, calls=True)
        except LiveError as error:
            self.lacking_parts.append(f"the running Asterisk told nothing: {error}")
            return
        assert told is not None
        with write_file(str(self.folder / LIVE_FILE), mode=PRIVATE_MODE) as stream:
            stream.write(saved.to_text(told))

    def write(self, path: str, *, force: bool) -> None:
        """The bundle itself."""
        made, told = self.folder / "bundle", self.folder / LIVE_FILE
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        if self.wish.redact:
            redacted = redact_files(
                self._captures(), self.folder / "etc", made, live=str(told) if told.exists() else None
            )
            self.capture_notes.append(f"{redacted.same} of {redacted.requests} requests replay to the same verdict")
            write_bundle(made, [f"collected {now}, redacted", *self.capture_notes], path, force=force)
            return
        made.mkdir()
        for one in (*self._captures(), self.folder / "etc", told):
            if one.exists():
                one.rename(made / one.name)
        write_bundle(
            made,
            [f"collected {now} on {self.machine.name}", *self.capture_notes, *self.lacking_parts],
            path,
            force=force,
        )

    def _captures(self) -> list[Path]:
        return sorted(self.folder.glob("capture*.pcap"))

    def _at(self, what: str) -> str:
        return f"{visible(what)} on {visible(self.machine.name)}"

    def _run(self, words: list[str], output: BinaryIO, patience: float) -> str:
        """Runs a program there with its output to a file; what it said."""
        argv = self.machine.words(*words)
        try:
            done = subprocess.run(
                argv, check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, timeout=patience
            )
        except subprocess.TimeoutExpired:
            raise PjsipdiagError(f"{self._at(words[0])} did not end within {patience:.0f} s") from None
        except OSError as error:
            raise PjsipdiagError(f"cannot run {argv[0]}: {error.strerror}") from None
        return done.stderr.decode("utf-8", "replace")

    def _fetch(self, words: list[str], folder: Path, most_bytes: int, what: str) -> list[str]:
        """Has tar pack files there and unpacks them here; it may pass over single ones, which is a note."""
        argv = self.machine.words(*words)
        with TemporaryFile() as errors:
            try:
                child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
            except OSError as error:
                raise PjsipdiagError(f"cannot run {argv[0]}: {error.strerror}") from None
            assert child.stdout is not None
            with child:
                try:
                    names = tar.unpack(child.stdout, folder, "./", most_bytes)
                except PjsipdiagError as error:
                    raise PjsipdiagError(f"{self._at(what)}: {error}") from None
                finally:
                    child.kill()
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace")
        if not names:
            raise PjsipdiagError(f"{self._at(what)}: {_last(said)}")
        if "Permission denied" in said:
            hint = "" if self.machine.sudo else " without --sudo"
            self.lacking_parts.append(f"not readable there{hint}: {_last(said)}")
        return names


def collect(machine: Machine, wish: BundleOrder, path: str, *, force: bool, say: Callable[[str], None]) -> None:
    """Writes a bundle of what the wish says to `path`. `say` is told what happens, and what the bundle lacks.

    :raises PjsipdiagError: the configuration or the capture cannot be had, or `path` cannot be written.
    """
    with TemporaryDirectory(prefix="pjsipdiag-") as folder:
        work = Collector(machine, wish, Path(folder))
        ports = {transport.port for transport in work.configuration().transports.values() if transport.port}
        if wish.rotated is not None:
            work.fetch_rotated()
        else:
            listed = ", ".join(map(str, sorted({*SIP_PORTS, *ports})))
            say(f"captures {wish.seconds:g} s on {machine.name}, ports {listed}: let the call come now")
            work.capture(ports)
        work.live()
        work.write(path, force=force)
        for note in (*work.capture_notes, *work.lacking_parts):
            say(note)


def _last(said: str) -> str:
    """The last lines of a program's output, which say why it failed."""
    lines = [visible(line) for line in said.strip().split("\n") if line]
    return " ".join(lines[-2:])[:300] or "there is nothing"
