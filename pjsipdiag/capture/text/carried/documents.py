"""Whole files that are something else than lines: JSON over many lines, or a mail."""

from __future__ import annotations

import json
import re

from pjsipdiag.capture.text.carried import exports
from pjsipdiag.capture.text.carried.json_entries import is_one_a_line, of_document

_MAIL = re.compile(
    rb"\A\s*(?:From |[A-Za-z][A-Za-z-]{1,40}:[ \t])(?:[^\n]+\n){1,200}?"
    rb"(?:MIME-Version|Content-Transfer-Encoding|Content-Type):[ \t]",
    re.IGNORECASE,
)
"""A header of a mail, with one of those that tell how its text is written (RFC 2045)."""
_HEAD_OF_FIELDS = re.compile(rb"\"?\w{1,40}\"?[,;\t][\w\",;\t. ]{8,2000}\r?$", re.MULTILINE)
"""The first line of a table that names its fields."""
_TOO_LONG = re.compile(rb"^Content-Type:(?:[^\n]|\n[ \t]){5000}", re.MULTILINE | re.IGNORECASE)
"""A header that no mail program writes; the time that `email` takes for one grows with the square of its length."""
_RECORDED = re.compile(rb'\{"version": ?\d,[^\n]*"(?:width|term)":')
"""The first line of a recording of asciinema."""
_SIP = re.compile(rb"\nCSeq:", re.IGNORECASE)


def is_document(first: bytes) -> bool:
    """Whether a file that begins so may be one, and is read as a whole."""
    start = first[:4096].lstrip(b"\xef\xbb\xbf \t\r\n\x1e")
    if _RECORDED.match(first) is not None or _is_mail(first):
        return True
    is_json = re.match(rb"[{\"]|\[\s*[\[{\"]", start) is not None
    if exports.SIGN.search(start) is not None and (is_json or _HEAD_OF_FIELDS.match(start) is not None):
        return True
    return is_json and not is_one_a_line(first.decode("utf-8-sig", "replace"))


def lines_of(whole: bytes) -> bytes | None:
    """The text in such a file; None where it is none."""
    if _is_mail(whole):
        return _of_mail(whole)
    if _RECORDED.match(whole) is not None:
        return _of_terminal(whole)
    text = whole.decode("utf-8-sig", "replace")
    if exports.SIGN.search(whole[:4096]) is None:
        return of_document(text)
    return exports.of_objects(text) if text.lstrip()[:1] in "[{" else exports.of_rows(text)


def _is_mail(first: bytes) -> bool:
    head = _MAIL.match(first[: 1 << 16])
    return head is not None and _SIP.search(head[0]) is None


def _of_mail(whole: bytes) -> bytes | None:
    """The texts of a mail and what is attached to it; what is there as a page too is taken once. None where it was made
    to be hard to read."""
    import email  # few texts are mails

    if _TOO_LONG.search(whole) is not None:
        return None
    try:
        parts = [part for part in email.message_from_bytes(whole).walk() if not part.is_multipart()]
    except RecursionError:  # mails in mails
        return None
    plain = [part for part in parts if part.get_content_type() != "text/html"]
    made = []
    for part in plain or parts:
        payload = part.get_payload(decode=True)
        if not isinstance(payload, bytes):
            continue
        flowed = str(part.get_param("format", "")).lower() == "flowed"
        made.append(unflow(payload) if flowed else payload)
    return b"\n".join(made)


def _of_terminal(whole: bytes) -> bytes:
    """The text that a terminal showed, of a recording that has it in pieces with their times."""
    shown: list[str] = []
    for line in whole.splitlines()[1:]:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, list) and found[1:2] == ["o"]:
            shown += map(str, found[2:])
    return "".join(shown).encode("utf-8", "surrogatepass")


def unflow(text: bytes) -> bytes:
    """Lines that end with a blank go on in the next one (RFC 3676), and a blank before the first character goes."""
    return re.sub(rb"(?m)^ (?=[ >]|From )", b"", re.sub(rb" \r?\n(?=[^\r\n])", b" ", text))
