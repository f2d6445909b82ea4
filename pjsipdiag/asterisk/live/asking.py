"""--live: a command that runs `asterisk -rx`, an address of AMI or ARI, or a file of answers that were saved."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryFile

from pjsipdiag.asterisk.live import interface, questions, saved
from pjsipdiag.asterisk.live.ami import Ami
from pjsipdiag.asterisk.live.ari import Ari, ask_ari
from pjsipdiag.asterisk.live.interface import ANSWER_SECONDS, LONGEST_ANSWER
from pjsipdiag.asterisk.live.manager import ask_manager
from pjsipdiag.asterisk.live.questions import Ask
from pjsipdiag.asterisk.live.snapshot import LiveAnswers, LiveError, WantedNames
from pjsipdiag.asterisk.loading.show_output import without_colours

COMMAND = "asterisk -rx"
REMOTE_SHELLS = ("ssh", "autossh", "dbclient", "plink")
"""Programs that hand their arguments to a shell of another machine."""
_AT_THE_TERMINAL = (*REMOTE_SHELLS, "sudo", "doas", "su")
"""Programs that may ask for a password at the terminal, which only its foreground may read."""
_UNABLE = ("Unable to connect to remote asterisk", "Unable to access the running directory")


def ask_live(text: str, wanted: WantedNames | None = None) -> LiveAnswers:
    """Asks the Asterisk behind `--live` TEXT, also for what is `wanted` by name; a file of saved answers is read.

    :raises LiveError: it cannot be asked.
    """
    if Path(text).is_file():
        return saved.read(text)
    wanted = wanted or WantedNames()
    if "://" in text.split(" ", maxsplit=1)[0]:
        there = interface.parse(text)
        if there.scheme != "ami":
            with closing(Ari(there)) as ari:
                return ask_ari(ari, wanted)
        with closing(Ami(there)) as ami:
            return ask_manager(ami, wanted)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise LiveError(f"--live {text!r}: {error}") from error
    if not words:
        raise LiveError(f"--live names no command: '{COMMAND}' is the usual one")
    return questions.ask_all(by_command(words), words[0], wanted)


def by_command(words: list[str]) -> Ask:
    """Asks by running the command with the question as one more argument. There is no shell, but the one to which ssh
    hands its arguments, joined by blanks: for that one it is quoted."""
    far = any(Path(word).name in REMOTE_SHELLS for word in words)

    def ask(question: str) -> str:
        what = f"{words[0]}: {question}"
        try:
            status, out, err = _run([*words, shlex.quote(question) if far else question])
        except subprocess.TimeoutExpired as error:
            raise LiveError(f"{what}: no answer within {ANSWER_SECONDS:.0f} s") from error
        except OSError as error:
            file = "" if words[1:] else ", and there is no file of answers called so"
            raise LiveError(f"cannot run {words[0]}: {error.strerror}{file}") from error
        if len(out) > LONGEST_ANSWER:
            raise LiveError(f"{what}: the answer is longer than any of Asterisk")
        text = without_colours(out.decode("utf-8", "surrogateescape"))
        said = (text + err.decode("utf-8", "replace")).strip().split("\n")[0][:200]
        if said.startswith(_UNABLE) or (status and not text.strip()):
            raise LiveError(f"{what}: {said or f'exit status {status}'}")
        return text

    return ask


def _run(words: list[str]) -> tuple[int, bytes, bytes]:
    """Exit status, standard output and standard error, each of at most one byte more than LONGEST_ANSWER.

    :raises TimeoutExpired: it takes longer than ANSWER_SECONDS.
    :raises OSError: it cannot be run.
    """
    with TemporaryFile() as out, TemporaryFile() as err:
        # In a group of its own what the command has started ends with it.
        group = None if any(Path(word).name in _AT_THE_TERMINAL for word in words) else 0
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, process_group=group)
        end = time.monotonic() + ANSWER_SECONDS
        try:
            while (
                child.poll() is None and max(os.fstat(file.fileno()).st_size for file in (out, err)) <= LONGEST_ANSWER
            ):
                try:
                    child.wait(0.1)
                except subprocess.TimeoutExpired:
                    if time.monotonic() > end:
                        raise
        finally:
            if child.poll() is None:
                with suppress(PermissionError):  # as for sudo's
                    if group == 0:
                        os.killpg(child.pid, signal.SIGKILL)
                    else:
                        child.kill()
                    child.wait()
        out.seek(0)
        err.seek(0)
        return child.returncode, out.read(LONGEST_ANSWER + 1), err.read(LONGEST_ANSWER)
