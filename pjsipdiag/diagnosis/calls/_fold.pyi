from collections.abc import Iterable
from typing import Any, NewType

from pjsipdiag.capture.datagram import Datagram

Taker = NewType("Taker", object)

def taker(kept: tuple[Any, ...], /) -> Taker: ...
def feed(taker: Taker, datagrams: Iterable[Datagram], /) -> tuple[int, int, int, int]: ...
