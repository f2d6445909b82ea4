"""What an offer says, whatever else stands in it."""

from __future__ import annotations

import pytest

from pjsipdiag.diagnosis.evidence.sdp import parse_offer


@pytest.mark.parametrize(
    ("lines", "codecs"),
    [
        (("m=audio 4000 RTP/AVP 8 0 97", "a=rtpmap:97 iLBC/8000"), ("PCMA", "PCMU", "iLBC")),
        (("m=audio 4000 RTP/AVP 8", "a=rtpmap:8 ", "a=rtpmap:", "a=rtpmap"), ("PCMA",)),
        (("m=audio 4000 RTP/AVP ² " + "9" * 5000, "m=video 0 RTP/AVP 8"), ()),
        (("m=audio",), ()),
    ],
)
def test_codecs(lines: tuple[str, ...], codecs: tuple[str, ...]) -> None:
    assert parse_offer("\r\n".join(("v=0", *lines))).codecs == codecs
