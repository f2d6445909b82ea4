from pjsipdiag.capture.datagram import Datagram

Tables = tuple[bytes, bytes, bytes, bytes, tuple[bytes, ...], tuple[str, ...], str, type[Datagram]]

def passed(
    buffer: bytearray,
    at: int,
    before: int,
    last: int,
    end: int,
    frame: int,
    plans: bytes | bytearray,
    tables: Tables,
    followed: set[int],
    noted: set[int] | None,
    messages: list[Datagram],
    /,
) -> tuple[int, int, int]: ...
