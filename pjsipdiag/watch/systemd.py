"""sd_notify(3) by its protocol: datagrams to the socket that the service manager names. Without one, nothing."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

from pjsipdiag.digits import is_number, read_number


def notify(**fields: str | int) -> None:
    """Tells the service manager, as READY=1 or STATUS=text."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path[:1] not in ("/", "@"):
        return
    text = "\n".join(f"{name}={str(value).replace(chr(10), ' ')}" for name, value in fields.items())
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
        to.connect("\0" + path[1:] if path.startswith("@") else path)
        to.send(text.encode("utf-8", "replace"))


def watchdog() -> float | None:
    """Seconds within which the service manager wants to hear WATCHDOG=1, None where it does not."""
    wanted, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not is_number(wanted) or (pid and pid != str(os.getpid())):
        return None
    return read_number(wanted) / 2_000_000
