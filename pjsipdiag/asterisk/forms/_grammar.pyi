from pjsipdiag.asterisk.forms.grammar import Fields

def match(
    number: int, sets: bytes, program: bytes, absent: tuple[bytes | None, ...], text: bytes, /
) -> tuple[int, int, Fields] | None: ...
