"""The scheduler of a Dask cluster: how it is reached, who works there, and how its loss is told."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pjsipdiag import __version__
from pjsipdiag.diagnosis.work.jobs import JobError, LostError, processors
from pjsipdiag.errors import PjsipdiagError, visible

if TYPE_CHECKING:
    from distributed import Client

PATIENCE = 10
"""Seconds in which a scheduler answers, and has workers."""
VERSIONS = (platform.python_version(), __version__)
"""The versions of Python and of pjsipdiag: both sides must have the same ones."""
ENVIRONMENT = "DASK_SCHEDULER_ADDRESS"


def connect(address: str, patience: float) -> Client:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise PjsipdiagError(
            "--dask reads captures with Dask, which is not here: pip install '.[dask]' in a checkout"
        ) from None
    for name in [*logging.root.manager.loggerDict]:  # each has a handler of its own; what matters is said in one line
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).disabled = True
    if address == "local":
        size = {"n_workers": processors(), "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
        return Client(LocalCluster(**size, silence_logs=logging.CRITICAL), set_as_default=False)
    place = os.environ.get(ENVIRONMENT, "") if address == "env" else address
    if not place:
        raise PjsipdiagError(f"--dask env: {ENVIRONMENT} is not set: it names the scheduler, as tcp://HOST:8786")

    class StartingClient(Client):  # type: ignore[misc]  # distributed has no types
        """A client that does not stay half open where it cannot start: dropped so, it closes itself whenever Python
        collects it, and waits for ever where another one is starting or stopping just then."""

        def __init__(self) -> None:
            try:
                super().__init__(place, timeout=patience, set_as_default=False)
            except BaseException:
                with suppress(Exception):  # why it did not start is told
                    self.close(timeout=patience)
                raise

    try:
        try:
            return StartingClient()
        except AssertionError:  # its own thread gets ten seconds to begin, which a busy machine may not give
            return StartingClient()
    except (OSError, ValueError, TypeError, AssertionError) as error:
        why = " ".join(str(error).split())[:200]
        raise PjsipdiagError(f"--dask {visible(place)}: no Dask scheduler answers there: {visible(why)}") from None


def refuse_other_versions(client: Client, address: str, patience: float) -> None:
    client.wait_for_workers(1, timeout=patience)
    for worker, found in client.get_versions(packages=["pjsipdiag"])["workers"].items():
        python = str(dict(found["host"])["python"]).partition(".final")[0]
        package = dict(found["packages"])["pjsipdiag"] or ""
        if (python, package) != VERSIONS:
            raise PjsipdiagError(f"--dask {address}: {other_versions(f'the worker {worker}', python, package)}")


def other_versions(worker: str, python: str, package: str) -> str:
    own = f"Python {VERSIONS[0]} and pjsipdiag {VERSIONS[1]}"
    theirs = f"Python {python} and {f'pjsipdiag {package}' if package else 'no pjsipdiag'}"
    return f"{worker} has {theirs}, here are {own}: both sides need the same"


@contextmanager
def in_one_line(address: str) -> Iterator[None]:
    """Turns what may happen to a scheduler and its workers into one line."""
    from asyncio import CancelledError
    from concurrent.futures import CancelledError as Cancelled

    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    try:
        yield
    except (CancelledError, Cancelled, FutureCancelledError, OSError, TimeoutError) as error:
        raise LostError(f"--dask {address}: the scheduler or its workers were lost before all was read") from error
    except ImportError as error:
        raise JobError(
            f"--dask {address}: a worker cannot import {error.name}: pjsipdiag must be there, too"
        ) from error
    except KilledWorker as error:
        raise JobError(f"--dask {address}: workers were ended while they merged: they need more memory") from error
