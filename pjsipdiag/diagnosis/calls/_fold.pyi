from array import array
from collections.abc import Iterator
from typing import Any

from pjsipdiag.asterisk.forms.grammar import Fields
from pjsipdiag.capture.datagram import Datagram

def following(
    datagrams: Iterator[Datagram], kept: tuple[Any, ...], counts: array[int], /
) -> tuple[Datagram, tuple[int, int, Fields] | None] | None: ...
