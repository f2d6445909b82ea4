"""Where heads wait: what is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

INTERRUPTED = """
import os, signal, sys
from pjsipdiag.diagnosis.calls.spool import Spool

before = os.open

def interrupted(*arguments, **options):
    handle = before(*arguments, **options)
    os.kill(os.getpid(), signal.SIGINT)
    return handle

os.open = interrupted
try:
    Spool(most=1).append(b"INVITE")
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_a_signal_while_its_file_is_opened_leaves_no_file(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        env=environment,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert done.returncode == 130
    assert list(tmp_path.iterdir()) == []
