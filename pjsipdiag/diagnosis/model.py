"""The result of a diagnosis: frozen data between the rules that find it and the renderers that show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from enum import StrEnum

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.traffic import CallRow, CaptureSummary, RequestRow, SourceRow, Transcripts


class Severity(StrEnum):
    """ERROR: calls fail or fraud is possible. WARNING: will bite. NOTE: worth knowing, never alone exit status 1."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the gravest."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a file: `old` lines from `line` (1-based) become `new`; with no `old`, `new` goes before `line`.

    `file` is as in Config.files, or the name of a table. Lines are text without their ends; bytes that are not UTF-8
    are surrogates in it.
    """

    file: str
    line: int
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """Calls that a repair lets in, and that Asterisk answers with `status` (SIP) next: `where` is the line to blame,
    `calls` counts them."""

    status: int
    endpoint: str
    reason: str
    where: Where | None = None
    calls: int = 0


class EditKind(StrEnum):
    """The kind of thing that a repair changes, as far as it matters for how Asterisk takes it up."""

    OBJECT = "object"
    TRANSPORT = "transport"
    """One that runs, and has no allow_reload=yes."""
    STARTUP = "startup"
    """One that is read only when Asterisk or its modules start."""
    DIALPLAN = "dialplan"
    ACL = "acl"
    ROW = "row"
    CACHED = "cached row"
    """A row of a table that sorcery keeps in its memory cache."""


@dataclass(frozen=True, slots=True)
class Loading:
    """How a repair is taken up: the `commands` that load it, those by which it is seen to be there (`see`), and the one
    that shows the next call (`watch`).

    `generated` are files that a program writes anew: what stands there is to be changed on `page` or in the file
    `custom` first, where that is known.
    """

    kinds: tuple[EditKind, ...] = ()
    commands: tuple[str, ...] = ()
    see: tuple[str, ...] = ()
    watch: str = ""
    generated: tuple[str, ...] = ()
    page: str = ""
    custom: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A repair and what replaying the whole capture with it shows.

    `add` are the lines to add to `section` of `file` after `line` (1-based; 0 for a table); a section that does not
    exist yet is in `edits` whole. `fixes` counts calls that were not identified (or not accepted) and now reach the
    actions of the dialplan, as far as files tell; `stops` are those that are let in and refused later; `changes_others`
    counts those whose endpoint or outcome changes otherwise; `admits` are sources newly let in. `note` says what a
    person must decide first (several endpoints equally likely, a generated file, ...); with no `edits` it is advice
    only. `candidates` are the endpoints that `addresses` may belong to, where several are meant.
    """

    file: str
    line: int
    section: str
    endpoint: str
    add: tuple[str, ...]
    edits: tuple[Edit, ...] = ()
    fixes: int = 0
    changes_others: int = 0
    admits: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    """The sources that it is meant for, as text."""
    note: str = ""
    candidates: tuple[str, ...] = ()
    what: str = "call"
    """The thing that `fixes` counts, in the singular: "call", or "OPTIONS request"."""
    sql: tuple[str, ...] = ()
    """The statements that do it where `file` is a table."""
    stops: tuple[Stop, ...] = ()
    loading: Loading = Loading()


@dataclass(frozen=True, slots=True)
class CallMarks:
    """The marks by which a finding's calls are found elsewhere: the time of the first and the last (nanoseconds since
    1970, 0 where it is not known), some of the numbers that were called and of those that called, and Call-IDs."""

    first: int = 0
    last: int = 0
    numbers: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()
    call_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause: `message` names address, section and line, `where` is the line to blame.

    `places` are all lines that it speaks of, where it speaks of several. `evidence` are sentences that show it,
    `consequences` what else follows from the same cause (folded under it), `calls` counts the calls that it concerns
    (not packets), `sources` are their IP addresses as text.
    """

    severity: Severity
    message: str
    where: Where | None = None
    sources: tuple[str, ...] = ()
    calls: int = 0
    evidence: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    advice: str = ""
    changes: str = ""
    """The type of what `advice` has changed, where it is another than in the row of its rule."""
    places: tuple[Where, ...] = ()
    seen: CallMarks = CallMarks()
    loading: Loading = Loading()
    """The commands that load a change which `advice` asks for, where that is one of files."""
    rule: str = ""
    """The name of its rule, which the table of rules gives to what the rule's functions find."""


class DoorState(StrEnum):
    """OPEN: anybody gets in. ADDRESS, TOKEN, PASSWORD: who comes from there, was told it, knows it. UNKNOWN: files
    cannot tell."""

    OPEN = "open"
    UNKNOWN = "unknown"
    TOKEN = "token"
    ADDRESS = "address"
    PASSWORD = "password"


@dataclass(frozen=True, slots=True)
class Door:
    """A way in: what one identifier takes for one endpoint.

    `sources` are the networks and names from which it works, as text, empty for everywhere; `says` is what the caller
    has to write into the request, empty for nothing; `password` tells whether the endpoint asks for one.
    """

    endpoint: str
    identifier: str
    identify: str
    sources: tuple[str, ...]
    says: str
    password: bool
    context: str
    state: DoorState
    where: Where


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a renderer shows. `calls` may build its rows when they are asked for (a scan has a million).

    `suggestions` rest on facts: the configuration, and what the PBX did. What rests on the claims of callers is
    `unconfirmed`: right only if the provider confirms the addresses.
    `asterisk_version` is the release that was replayed, `asterisk_assumed` whether nothing named it, `asterisk_reason`
    how it was chosen. `sources` and `calls` are in the order of time; times are nanoseconds since 1970 (UTC).
    `unmatched` are the addresses whose calls no endpoint takes, `pbx` those of the PBX and `pbx_reason` how they were
    found. `failed_calls` and `outbound_calls` count calls, not packets. `notes` say what the report leaves open.
    """

    asterisk_version: str
    asterisk_assumed: bool
    asterisk_reason: str
    captures: tuple[CaptureSummary, ...]
    sources: Sequence[SourceRow]
    calls: Sequence[CallRow]
    unmatched: Sequence[str]
    findings: tuple[Finding, ...]
    suggestions: tuple[Suggestion, ...]
    pbx: tuple[str, ...] = ()
    pbx_reason: str = ""
    failed_calls: int = 0
    failed_unmatched: int = 0
    """How many of `failed_calls` failed because no identifier takes their source."""
    attackers: int = 0
    """The number of sources that look for accounts."""
    callers: int = 0
    """How many of `sources` called: they come first there."""
    config: Config | None = None
    notes: tuple[str, ...] = ()
    outbound_calls: int = 0
    unconfirmed: tuple[Suggestion, ...] = ()
    requests: tuple[RequestRow, ...] = ()
    """The requests that the PBX received beside calls."""
    asterisk_names: tuple[str, ...] = ()
    """The names of releases, or of what is none, that `asterisk_reason` quotes."""
    filter_text: str = ""
    """The filters that leave out what is not told here."""
    methods: tuple[str, ...] = ()
    """The requests to be listed are of these; `quotations` are words of others in findings (`quotations`)."""
    quotations: Callable[[], Iterable[tuple[str, str]]] = field(default=tuple, repr=False, compare=False)
    doors: tuple[Door, ...] = ()
    """The ways in, where a configuration is looked at alone."""
    checked_rules: tuple[str, ...] = ()
    """The rules that were asked of it then."""
    held_expectations: tuple[str, ...] = ()
    """The expectations of a file that hold."""
    transcripts: Callable[[Sequence[CallRow]], Transcripts] | None = field(default=None, repr=False, compare=False)
    """Reads the captures again for the messages of some calls. None where they cannot be read again."""
