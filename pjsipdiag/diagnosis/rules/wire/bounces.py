"""Packets that came back and connections that ended: whose they were, and what that says of the calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from pjsipdiag.asterisk.replay.arrival import find_listening
from pjsipdiag.capture.datagram import TOLD
from pjsipdiag.capture.signs import Sign, SignKind, SignTimes
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.evidence.lookup import find_holding
from pjsipdiag.diagnosis.evidence.owners import best
from pjsipdiag.diagnosis.evidence.seen import groups_of
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rule import Blamed
from pjsipdiag.diagnosis.rules.cause import answers, counted, listed, with_status
from pjsipdiag.diagnosis.rules.scanning import scans
from pjsipdiag.diagnosis.rules.wire import meanings
from pjsipdiag.diagnosis.rules.wire.meanings import Meaning
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import SIP_PORTS, Address, ip_text

MOST_IDS_SHOWN = 4
"""Call-IDs of one sign."""
UNPROVEN = (
    "it quotes no Call-ID of these calls, or a tunnel tells it: nothing shows that it is about a packet of theirs"
)
FORGED = "anybody can write such a packet: it shows where to look, and no suggestion rests on it"


class PeerSign(NamedTuple):
    """A sign about packets or connections between the PBX and a peer (IP as text); `is_outward`: they come from the
    PBX."""

    sign: Sign
    times: SignTimes
    peer: str
    place: Address
    """Where the packet, or the connection, was to go."""
    is_outward: bool
    meaning: Meaning
    is_proven: bool
    """Whether nobody can have written it who does not see the packets: see `_is_proven`."""

    @property
    def teller(self) -> str:
        return ip_text(self.sign.teller)


@lru_cache(maxsize=4)
def words(situation: Situation) -> tuple[PeerSign, ...]:
    """All that is said of the PBX's own traffic, as far as it may be SIP."""
    sent = _sent(situation)
    return tuple(filter(None, (_word(situation, sent, sign, times) for sign, times in situation.signs.items())))


@lru_cache(maxsize=4)
def _by_peer(situation: Situation) -> Mapping[tuple[str, bool], Sequence[PeerSign]]:
    """The words by peer and `is_outward`: whoever forges thousands makes no rule walk them all for each source."""
    found: dict[tuple[str, bool], list[PeerSign]] = defaultdict(list)
    for word in words(situation):
        found[word.peer, word.is_outward].append(word)
    return found


def _sent(situation: Situation) -> Mapping[str, Collection[str]]:
    """Peer -> of the Call-IDs that ICMP errors quote those with which it called."""
    quoted: dict[str, set[str]] = defaultdict(set)
    for sign, times in situation.signs.items():
        if sign.kind is SignKind.ICMP:
            one, two = Address.unpack(sign.source).ip, Address.unpack(sign.destination).ip
            quoted[two if one in situation.pbx else one].update(times.call_ids)
    return {peer: situation.find_sent(peer, call_ids) for peer, call_ids in quoted.items()}


def _word(situation: Situation, sent: Mapping[str, Collection[str]], sign: Sign, times: SignTimes) -> PeerSign | None:
    one, two = Address.unpack(sign.source), Address.unpack(sign.destination)
    if sign.kind is SignKind.ALERT and sign.code == meanings.CLOSED:
        return None
    if sign.kind in (SignKind.RESET, SignKind.ALERT) and _is_sip(situation, one) > _is_sip(situation, two):
        one, two = two, one  # the end with the port of SIP is the server
    known = sign.about or sign.kind is SignKind.RESET
    if not known and not _is_sip(situation, two) and not (sign.kind is SignKind.ICMP and _is_sip(situation, one)):
        return None
    meaning = meanings.OF_TCP.get(sign.kind)
    if sign.kind is SignKind.ICMP:
        meaning = meanings.icmp(sign.code, 6 if len(sign.teller) == 16 else 4)
    meaning = meaning or meanings.alert(sign.code)
    outward = one.ip in situation.pbx
    if not outward and situation.pbx and two.ip not in situation.pbx:
        return None
    if sign.kind is SignKind.UNANSWERED and _was_answered(situation, sign, outward):
        return None
    peer = two.ip if outward else one.ip
    is_quoted = not {*times.call_ids}.isdisjoint(sent.get(peer, ()))
    return PeerSign(sign, times, peer, two, outward, meaning, _is_proven(situation, sign, is_quoted))


def _was_answered(situation: Situation, sign: Sign, outward: bool) -> bool:
    """Whether anything else shows that the server answers the client, or refuses it, which is told then."""
    client, server = Address.unpack(sign.source).ip, Address.unpack(sign.destination)
    exchanges = situation.own_exchanges if outward else situation.exchanges
    between = [one for one in exchanges if (one.client, one.server) == (client, server.ip)]
    messages = [one for exchange in between for one in (*exchange.samples, *chain(*exchange.answers.values()))]
    return (
        any(one.transport == "TCP" and server in (one.source, one.destination) for one in messages)
        or any(group.transport != "UDP" and str(server) in group.destinations for group in groups_of(situation, client))
        or any((one.ip, to) == (client, server) for one, to, _ in situation.encrypted_connections)
        or (outward and any(ip == server.ip and status for ip, status, _ in situation.outbound))
        or any(
            (one.kind, one.source, one.destination) == (SignKind.REFUSED, sign.source, sign.destination)
            for one in situation.signs
        )
    )


def _is_proven(situation: Situation, sign: Sign, is_quoted: bool) -> bool:
    """Whether an ICMP error left this machine, or quotes a Call-ID that was sent: neither can be done by who does not
    see the packets. A reset that is kept fits its connection, but a SYN has any source that its sender likes, unless
    the PBX sent it. What a tunnel holds is the word of its sender."""
    if sign.direction.startswith(TOLD) and sign.direction.removeprefix(TOLD) not in situation.mirrors:
        return False
    if sign.kind is SignKind.UNANSWERED:
        return sign.direction == "out" or Address.unpack(sign.source).ip in situation.pbx
    return sign.kind is not SignKind.ICMP or sign.direction == "out" or is_quoted


def _is_sip(situation: Situation, place: Address) -> bool:
    """Whether SIP is spoken at a port, as far as files and calls tell."""
    ports = {transport.port for transport in situation.config.transports.values()}
    return place.port in SIP_PORTS or (place.port in ports and place.port > 0)


def of_group(situation: Situation, group: CallGroup) -> tuple[PeerSign, ...]:
    """The signs about the requests of a group that got no answer, `proven` or not."""
    return tuple(word for word in _by_peer(situation).get((group.source, False), ()) if _concerns(word, group))


def _concerns(word: PeerSign, group: CallGroup) -> bool:
    """Whether calls of a group may have ended so: without an answer, or, where a connection broke, a final one."""
    if word.peer != group.source or str(word.place) not in group.destinations or word.times.last < group.first_time:
        return False
    if word.sign.kind is SignKind.RESET:
        client = Address.unpack(
            word.sign.source if word.place.pack() == word.sign.destination else word.sign.destination
        )
        return client.port in group.ports and _unfinished(group) > 0
    return with_status(group, 0) > 0 and (group.transport == "UDP") == (word.sign.transport == "UDP")


def _unfinished(group: CallGroup) -> int:
    return sum(count for status, count in group.statuses.items() if status < 200)


def sentences(found: Sequence[PeerSign]) -> list[str]:
    """The signs in sentences, as evidence of another finding."""
    return [*dict.fromkeys(f"{_describe(word)} ({_who_says(word)})" for word in found), *([FORGED] if found else [])]


def about_requests(situation: Situation, server: str) -> list[str]:
    """The signs about requests that the PBX sent to an address."""
    return sentences([word for word in _by_peer(situation).get((server, True), ()) if not _is_answer(word)])


def refused_by_network(situation: Situation, blamed: Blamed) -> Iterable[Finding]:
    """A finding for each peer and each thing that is said of its traffic with the PBX; one for all strangers."""
    elsewhere = {id(group) for groups in blamed["wrong-transport"].values() for group in groups}
    registering = {one.server for one in situation.own_exchanges if one.method == "REGISTER" and one.is_silent}
    alike: dict[tuple[str, str], list[PeerSign]] = defaultdict(list)
    for word in words(situation):
        groups = [group for group in groups_of(situation, word.peer) if _concerns(word, group)]
        if any(id(group) in elsewhere for group in groups) or (word.is_outward and word.peer in registering):
            continue  # told there
        if (word.sign.kind is SignKind.RESET or situation.filter_text) and not groups:
            continue  # a connection that is over may be reset
        peer = word.peer if _is_meant(situation, word.peer) or not situation.groups else ""
        alike[peer, _describe(word, peer or " ")].append(word)
    for (peer, _), found in alike.items():
        yield _finding(situation, found, bool(peer))


def _is_meant(situation: Situation, peer: str) -> bool:
    """Whether the files, or the PBX itself, have anything to do with an address."""
    groups = groups_of(situation, peer)
    if any(one.server == peer for one in situation.own_exchanges) or find_holding(situation, peer):
        return True
    return any((group.verdict.endpoint or best(situation, group)) and not scans(situation, group) for group in groups)


def _finding(situation: Situation, found: Sequence[PeerSign], meant: bool) -> Finding:
    word, peers = found[0], tuple(dict.fromkeys(one.peer for one in found))
    of_peer: dict[str, list[PeerSign]] = defaultdict(list)
    for one in found:
        of_peer[one.peer].append(one)
    groups = [
        group for group in situation.groups if any(_concerns(one, group) for one in of_peer.get(group.source, ()))
    ]
    lost = sum(_unfinished(group) if word.sign.kind is SignKind.RESET else with_status(group, 0) for group in groups)
    listens = find_listening(word.sign.transport, word.place, situation.config) if not word.is_outward else ()
    claimed = bool(situation.groups) and not any(one.is_proven for one in found)
    # What nothing proves is never an error: whoever can send packets here could make the PBX look broken.
    serious = not claimed and (lost or not situation.groups or _is_answer(word) or word.sign.kind is SignKind.ALERT)
    return Finding(
        Severity.NOTE if not meant else Severity.ERROR if serious else Severity.WARNING,
        _describe(word, listed(peers)),
        sources=peers[:16],
        calls=lost,
        evidence=(
            *dict.fromkeys(_who_says(one) for one in found[:4]),
            *(
                f"the files have [{one.name}] there ({one.where}): Asterisk does not run, or could not take that port"
                for one in listens[:1]
                if word.meaning.text == meanings.REFUSED.text
            ),
            *([f"observed answers: {answers(groups)}"] if groups else []),
            *([UNPROVEN] if claimed and word.sign.kind is not SignKind.UNANSWERED else []),
            FORGED,
        ),
        advice=word.meaning.advice,
    )


def _is_answer(word: PeerSign) -> bool:
    """Whether it is about an answer of the PBX."""
    return word.is_outward and word.sign.about.isdigit()


def _describe(word: PeerSign, peers: str = "") -> str:
    sign, peers = word.sign, peers or word.peer
    place = str(word.place) if not word.is_outward or peers == word.peer else peers
    name, text = word.meaning.name, word.meaning.text.format(place=place, transport=sign.transport)
    what = _message(sign)
    whose = f"the PBX's {what}" if word.is_outward else f"the {what} of {peers}"
    if sign.kind is SignKind.ICMP:
        return f"{whose} to {place} came back with ICMP {name}: {text}"
    if sign.kind is SignKind.REFUSED:
        return f"{whose} to {place} was refused: {text}"
    if sign.kind is SignKind.UNANSWERED:
        return f"{whose} to {place} got no answer in time: {text}"
    if sign.kind is SignKind.RESET:
        return f"{whose} to {place} was reset by {word.teller} before its calls were answered: {text}"
    return f"{whose} to {place} ended with the alert {name} of {word.teller}: {text}"


def _message(sign: Sign) -> str:
    if sign.kind is not SignKind.ICMP:
        return f"{'TLS' if sign.kind is SignKind.ALERT else 'TCP'} connection"
    return f"answer {sign.about}" if sign.about.isdigit() else sign.about or "packet"


def _who_says(word: PeerSign) -> str:
    if word.sign.kind is SignKind.UNANSWERED:
        return f"{ip_text(word.sign.source[:-2])} repeats its SYN, as who gets no answer does"
    kind = {SignKind.ICMP: "an ICMP error", SignKind.ALERT: "a TLS alert"}.get(word.sign.kind, "a TCP reset")
    where = "" if word.teller == word.place.ip else ", which is not where it was to go"
    ids = f"; it names Call-ID {listed(word.times.call_ids[:MOST_IDS_SHOWN])}" if word.times.call_ids else ""
    return f"{kind} of {word.teller} says so ({counted(word.times.count, 'time')}){where}{ids}"
