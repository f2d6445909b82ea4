"""`allow` and `disallow`: one list of formats that the lines of a section build up in order; and codec preferences.

One unknown name refuses the whole line (`ast_format_cap_update_by_allow_disallow`, main/format_cap.c), and an empty
name, as in `allow=ulaw,` or an empty `allow=`, is unknown too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

from pjsipdiag.asterisk.loading.values.numbers import scan_decimal
from pjsipdiag.asterisk.loading.values.setting import Answer, Setting, ValueRefusal, ValueWarning
from pjsipdiag.asterisk.reasons.reason import quote_words
from pjsipdiag.asterisk.reasons.values import ValueReason
from pjsipdiag.asterisk.releases import Release
from pjsipdiag.asterisk.releases.features import FeatureName
from pjsipdiag.asterisk.section import Variable

FORMAT_NAMES = (
    "codec2", "g723", "ulaw", "alaw", "gsm", "g726", "g726aal2", "adpcm", "slin", "slin12", "slin16", "slin24",
    "slin32", "slin44", "slin48", "slin96", "slin192", "lpc10", "g729", "speex", "speex16", "speex32", "ilbc", "g722",
    "siren7", "siren14", "testlaw", "g719", "opus", "jpeg", "png", "h261", "h263", "h263p", "h264", "h265", "mpeg4",
    "vp8", "vp9", "red", "t140", "t38", "none", "silk8", "silk12", "silk16", "silk24",
)  # fmt: skip
"""The formats of main/codec_builtin.c by id, which is the order that `all` adds them in."""

_PATCHED = frozenset({"amr", "amrwb"})
"""Formats of builds such as Debian's, which Asterisk's own source does not have."""

_FEATURES: dict[str, FeatureName] = {"testlaw": "testlaw", "h265": "h265"}
"""Formats that not all releases have."""

_PREFERENCES = {
    "prefer": ("pending", "configured"),
    "operation": ("intersect", "union", "only_preferred", "only_nonpreferred"),
    "keep": ("all", "first"),
    "transcode": ("allow", "prevent"),
}
_BLANKS = "".join(map(chr, range(1, 33)))


def _is_known(name: str, release: Release) -> bool:
    name = name.lower()
    return name in FORMAT_NAMES and (name not in _FEATURES or release.has(_FEATURES[name]))


@lru_cache(maxsize=1000)
def _entries(text: str, allowing: bool) -> Sequence[tuple[bool, str, str | None]]:
    """Each entry of a list: whether it allows, the name, and the packetization after the last colon."""
    if len(text) > 1 and text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    found: list[tuple[bool, str, str | None]] = []
    for part in re.split("[,|]", text):
        name = part.strip(_BLANKS)
        allows = allowing
        if name.startswith("!"):
            name, allows = name[1:], not allowing
        head, colon, size = name.rpartition(":")
        found.append((allows, head, size) if colon else (allows, name, None))
    return found


@cache
def _everything(release: Release) -> tuple[str, ...]:
    """The formats that `all` stands for."""
    return tuple(name for name in FORMAT_NAMES if name != "none" and _is_known(name, release))


def _bad_packetization(size: str | None) -> bool:
    if not size:
        return False
    number = scan_decimal(size)
    if number is None:
        return bool(size.strip())
    number = max(-(2**63), min(number, 2**63 - 1))
    return bool(number & 0x80000000)


def codec_list(setting: Setting) -> Answer:
    """OPT_CODEC_T (`codec_handler_fn`, main/config_options.c) of `allow` and `disallow`."""
    allowing = setting.name.lower() == "allow"
    if not allowing and not setting.value:
        return None
    # Every entry is looked at, though the first bad one refuses the line: Asterisk logs each of them.
    log, wrong, patched = [], None, ""
    for allows, name, size in _entries(setting.value, allowing):
        if _bad_packetization(size):
            wrong = wrong or ValueReason.BAD_PACKETIZATION(option=setting.name, codec=name, size=size)
            log.append(f"Bad packetization value for codec {name}")
        elif name.lower() in _PATCHED:
            patched = name
        elif name.lower() != "all" and not _is_known(name, setting.release):
            wrong = wrong or (
                ValueReason.NO_CODEC(codec=name) if name else ValueReason.EMPTY_ENTRY(option=setting.name)
            )
            log.append(f"Cannot {'allow' if allows else 'disallow'} unknown format '{name}'")
    if wrong:
        return ValueRefusal(wrong, "\n".join(log))
    return ValueWarning(ValueReason.CODEC_OF_A_PATCH(codec=patched)) if patched else None


def parse_codecs(variables: Iterable[Variable], release: Release) -> tuple[str, ...]:
    """The formats that `allow` and `disallow` lines, applied in order, leave; in order of preference."""
    return _left(tuple((variable.name.lower() == "allow", variable.value) for variable in variables), release)


@lru_cache(maxsize=1000)
def _left(lines: tuple[tuple[bool, str], ...], release: Release) -> tuple[str, ...]:
    chosen: dict[str, None] = {}
    everything = _everything(release)
    for allowing, value in lines:
        if not allowing and not value:
            continue
        if value.startswith("(") and value.endswith(")"):
            chosen = {} if allowing else {**chosen, **dict.fromkeys(everything)}
        for allows, name, _ in _entries(value, allowing):
            names = everything if name.lower() == "all" else (name.lower(),)
            for one in names:
                if allows:
                    chosen.setdefault(one)
                else:
                    chosen.pop(one, None)
    return tuple(chosen)


def offer_preference(setting: Setting) -> Answer:
    """`call_offer_pref_handler`: words in small letters; the merging ones only for outgoing calls."""
    words = ["local", "local_first", "remote", "remote_first"]
    if setting.name == "outgoing_call_offer_pref":
        words += ["local_merge", "remote_merge"]
    if setting.value in words:
        return None
    return ValueRefusal(ValueReason.NOT_ONE_OF_SMALL(option=setting.name, words=tuple(words), value=setting.value))


def codec_preferences(setting: Setting) -> Answer:
    """`codec_prefs_handler` (`ast_stream_codec_prefs_parse`, main/stream.c): `name: value` pairs between commas."""
    found: dict[str, str] = {}
    for pair in filter(None, setting.value.split(",")):
        words = [word for word in re.split("[: ]", pair) if word]
        if len(words) < 2:
            text = f"Codec preference '{words[0] if words else pair}' is invalid"
            return ValueRefusal(quote_words(text), f"Endpoint '{setting.object}': {text} for option '{setting.name}'")
        name, value = words[:2]
        if value in _PREFERENCES.get(name, ()):
            found[name] = value
        elif name in _PREFERENCES and name not in found:
            text = f"Codec preference '{name}' has invalid value '{value}'"
            return ValueRefusal(quote_words(text), f"Endpoint '{setting.object}': {text} for option '{setting.name}'")
    if setting.name == "codec_prefs_incoming_offer" and found.get("operation") == "union":
        text = "Codec preference 'operation' has invalid value 'union'"
        return ValueRefusal(quote_words(text), f"Endpoint '{setting.object}': {text} for option: '{setting.name}'")
    if not setting.name.islower():
        text = f"Unsupported option '{setting.name}'"
        return ValueRefusal(quote_words(text), f"Endpoint '{setting.object}': {text}")
    return None
