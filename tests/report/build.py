"""Reports made by hand, for tests of what is shown rather than of what is found."""

from __future__ import annotations

from dataclasses import replace

from pjsipdiag.asterisk.reasons.reason import quote_words
from pjsipdiag.asterisk.section import Where
from pjsipdiag.asterisk.verdict import Check, Match, Outcome, Verdict
from pjsipdiag.diagnosis.model import Edit, EditKind, Finding, Loading, Report, Severity, Suggestion
from pjsipdiag.diagnosis.traffic import CallRow, CaptureSummary, SourceRow

NOON = 1_795_435_200_000_000_000
IDENTIFY = Where("pjsip.conf", 20, "provider-identify")
MATCH = Where("pjsip.conf", 22, "provider-identify")
NEAR = quote_words("203.0.113.13 is one above match=203.0.113.12")

MATCHED = Verdict(
    (
        Check(
            "ip", Match.MATCH, quote_words("203.0.113.10 is match=203.0.113.10"), MATCH, "provider-identify", "provider"
        ),
        Check("admission", Match.MATCH, quote_words("no access list, no auth: the call goes to context from-provider")),
    )
)
UNMATCHED = Verdict(
    (
        Check(
            "ip",
            Match.NO_MATCH,
            quote_words("203.0.113.13 is one above match=203.0.113.12"),
            MATCH,
            "provider-identify",
            "provider",
        ),
        Check("username", Match.NO_MATCH, quote_words("there is no endpoint '15550100'")),
        Check("anonymous", Match.NO_MATCH, quote_words("there is no endpoint 'anonymous'")),
        Check("admission", Match.NO_MATCH, quote_words("no endpoint: 401"), result=Outcome.NO_MATCH, status=401),
    )
)
UNKNOWN = Verdict(
    (Check("ip", Match.UNKNOWN, quote_words("sip.example.com was not resolved"), MATCH, "by-name", "other"),)
)


def call(number: int, source: str, verdict: Verdict, status: int | None) -> CallRow:
    time = NOON + number * 1_000_000_000
    return CallRow(
        call_id=f"call-{number}@{source.partition(':')[0]}",
        time=time,
        source=source,
        transport="UDP",
        from_="sip:15550100@provider.example",
        request_uri="sip:100@192.0.2.1",
        verdict=verdict,
        observed_status=status,
        destination="192.0.2.1:5060",
        user_agent="Provider SBC 4.2",
        capture="capture.pcap",
        frame=number,
        messages=((time, ">", "INVITE sip:100@192.0.2.1 SIP/2.0"), (time + 4_000_000, "<", f"SIP/2.0 {status} x")),
    )


def report() -> Report:
    """Two matched calls of .10, three unmatched ones of .13, one that cannot be told, with a proven suggestion."""
    calls = (
        call(1, "203.0.113.10:5060", MATCHED, 200),
        call(2, "203.0.113.13:5060", UNMATCHED, 401),
        call(3, "203.0.113.13:5060", UNMATCHED, 401),
        call(4, "203.0.113.10:5060", MATCHED, 200),
        call(5, "203.0.113.13:5062", UNMATCHED, None),
        call(6, "198.51.100.7:5060", UNKNOWN, 200),
    )
    return Report(
        asterisk_version="22.10.1",
        asterisk_assumed=False,
        asterisk_reason="Server header in capture.pcap",
        captures=(CaptureSummary("capture.pcap", 40, 30, 6, {"not IP": 3}, "cut at byte 4711"),),
        sources=(
            SourceRow("203.0.113.10", 2, 2, "matched", "ip", "provider-identify", "provider", {"200": 2}, ("SBC 4.2",)),
            SourceRow("203.0.113.13", 4, 3, "unmatched", observed={"401": 2, "none": 1}, user_agents=("SBC 4.2",)),
            SourceRow("198.51.100.7", 1, 1, "unknown", observed={"200": 1}),
            SourceRow("198.51.100.9", 5, 0, "unknown", other_methods={"OPTIONS": 5}),
        ),
        calls=calls,
        unmatched=("203.0.113.13",),
        findings=(
            Finding(
                Severity.ERROR,
                "203.0.113.13 is not in any match= line: it is one above match=203.0.113.12",
                MATCH,
                ("203.0.113.13",),
                3,
                ("the same User-Agent and From domain as 203.0.113.10",),
                ("Asterisk challenged it; no credentials can answer that challenge",),
                rule="unmatched-source",
            ),
            Finding(Severity.WARNING, "sip.example.com was not resolved", IDENTIFY, rule="hostname-unresolved"),
        ),
        suggestions=(
            Suggestion(
                "pjsip.conf",
                23,
                "provider-identify",
                "provider",
                ("match=203.0.113.13",),
                (Edit("pjsip.conf", 24, (), ("match=203.0.113.13",)),),
                fixes=3,
                admits=("203.0.113.13",),
                addresses=("203.0.113.13",),
                loading=Loading(
                    (EditKind.OBJECT,),
                    ("asterisk -rx 'pjsip reload'",),
                    ("asterisk -rx 'pjsip show identifies'",),
                    "asterisk -rx 'pjsip set logger on'",
                ),
            ),
        ),
        pbx=("192.0.2.1",),
        pbx_reason="it answers with Server: Asterisk",
        failed_calls=3,
        failed_unmatched=3,
        callers=3,
        outbound_calls=2,
    )


def healthy() -> Report:
    """Everything is matched, nothing is found."""
    whole = report()
    return replace(
        whole,
        sources=whole.sources[:1],
        calls=(whole.calls[0], whole.calls[3]),
        unmatched=(),
        findings=(),
        suggestions=(),
        failed_calls=0,
        callers=1,
    )
