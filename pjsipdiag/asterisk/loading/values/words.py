"""Options that take one of a few words, or any text at all.

Nearly all compare without case; those that Asterisk compares with case say so.
"""

from __future__ import annotations

from pjsipdiag.asterisk.files.lines import FALSE_WORDS, TRUE_WORDS, latin
from pjsipdiag.asterisk.loading.values.numbers import scan_any_base, scan_decimal
from pjsipdiag.asterisk.loading.values.setting import Answer, Handler, Setting, ValueRefusal, ValueWarning
from pjsipdiag.asterisk.reasons.values import ValueReason

_DSCP = (
    frozenset(f"cs{n}" for n in range(8)) | frozenset(f"af{n}{m}" for n in range(1, 5) for m in range(1, 4)) | {"ef"}
)
_PRESENTATIONS = frozenset({
    "allowed_not_screened", "allowed_passed_screen", "allowed_failed_screen", "allowed", "prohib_not_screened",
    "prohib_passed_screen", "prohib_failed_screen", "prohib", "unavailable",
})  # fmt: skip
_URI_MARKS = frozenset("-._~%!$&'()*+,;=:")


def anything(setting: Setting) -> Answer:  # noqa: ARG001 - a handler's signature
    """Takes every value: OPT_BOOL_T, OPT_YESNO_T, OPT_STRINGFIELD_T, OPT_CHAR_ARRAY_T, OPT_NOOP_T and more."""
    return None


def one_of(*words: str, log: str = "") -> Handler:
    """A handler that takes these words, in any case; `log` may use {value}, {name} and {object}."""

    def handler(setting: Setting) -> Answer:
        if setting.value.lower() in words:
            return None
        text = log.format(value=setting.value, name=setting.name, object=setting.object)
        return ValueRefusal(ValueReason.NOT_ONE_OF(option=setting.name, words=words, value=setting.value), text)

    return handler


def yes_no_or(*words: str) -> Handler:
    """A handler that takes a word for yes or no (`ast_true`, `ast_false`) or one of these, in any case."""
    allowed = TRUE_WORDS | FALSE_WORDS | set(words)

    def handler(setting: Setting) -> Answer:
        if setting.value.lower() in allowed:
            return None
        return ValueRefusal(
            ValueReason.NOT_YES_NO_OR(option=setting.name, words=" or ".join(words), value=setting.value)
        )

    return handler


def reliable_provisional(setting: Setting) -> Answer:
    """`prack_handler` of `100rel`."""
    words = ("peer_supported", "required") if setting.release.has("peer_supported") else ("required",)
    return yes_no_or(*words)(setting)


def t38_error_correction(setting: Setting) -> Answer:
    """`t38udptl_ec_handler`: compares with case."""
    if setting.value in ("none", "fec", "redundancy"):
        return None
    return ValueRefusal(ValueReason.NO_ERROR_CORRECTION(option=setting.name, value=setting.value))


def _is_tos(value: str) -> bool:
    return scan_any_base(value) or value.lower() in _DSCP


def media_tos(setting: Setting) -> Answer:
    """`tos_handler`: what begins with a number, or a DSCP name (`ast_str2tos`, main/acl.c)."""
    if not _is_tos(setting.value):
        log = (
            f"Error configuring endpoint '{setting.object}' - Could not interpret '{setting.name}' "
            f"value '{setting.value}'"
        )
        return ValueRefusal(ValueReason.NO_TOS(option=setting.name, value=setting.value), log)
    if setting.name not in ("tos_audio", "tos_video"):
        return ValueRefusal(ValueReason.NOT_IN_SMALL_LETTERS(option=setting.name))
    return None


def transport_tos(setting: Setting) -> Answer:
    """`transport_tos_handler`."""
    if _is_tos(setting.value):
        return None
    log = f"Error configuring transport '{setting.object}' - Could not interpret 'tos' value '{setting.value}'"
    return ValueRefusal(ValueReason.NO_TOS_OF_TRANSPORT(value=setting.value), log)


def caller_presentation(setting: Setting) -> Answer:
    """`caller_id_privacy_handler`: a name, or what begins with a number."""
    if setting.value.lower() in _PRESENTATIONS or scan_decimal(setting.value) is not None:
        return None
    return ValueRefusal(ValueReason.NO_PRESENTATION(option=setting.name, value=setting.value))


def from_user(setting: Setting) -> Answer:
    """`from_user_handler`: letters, digits and the marks that a URI may hold."""
    wrong = next((c for c in latin(setting.value) if not (c.isascii() and c.isalnum()) and c not in _URI_MARKS), None)
    if wrong is None:
        return None
    character = wrong if wrong.isascii() else f"\\x{ord(wrong):02x}"
    log = (
        f"Error configuring endpoint '{setting.object}' - '{setting.name}' field contains invalid character "
        f"'{character}'"
    )
    return ValueRefusal(ValueReason.BAD_CHARACTER(option=setting.name, character=character), log)


def set_var(setting: Setting) -> Answer:
    """`set_var_handler`: empty, or `name=value`."""
    if not setting.value or "=" in setting.value:
        return None
    return ValueRefusal(ValueReason.NO_NAME_AND_VALUE(option=setting.name, value=setting.value))


def _starts_with(*names: str) -> Handler:
    def handler(setting: Setting) -> Answer:
        if setting.name.startswith(names):
            return None
        return ValueRefusal(ValueReason.NOT_IN_SMALL_LETTERS(option=setting.name))

    return handler


group = _starts_with("call_group", "pickup_group")
"""`group_handler`: any groups, but the option's name is compared with case."""


def named_groups(setting: Setting) -> Answer:
    """`named_groups_handler`: names between commas; a list without any name is refused, an empty value is not."""
    answer = _starts_with("named_call_group", "named_pickup_group")(setting)
    if answer is None and setting.value and not any(name.strip() for name in setting.value.split(",")):
        return ValueRefusal(ValueReason.NO_GROUP(option=setting.name, value=setting.value))
    return answer


def follow_redirect_methods(setting: Setting) -> Answer:
    """`follow_redirect_methods_handler`: only `message`."""
    for method in setting.value.split(",") if setting.value else ():
        if method.strip().lower() != "message":
            log = f"Unrecognized SIP method '{method.strip()}' for follow_redirect_methods on endpoint {setting.object}"
            return ValueRefusal(ValueReason.NO_REDIRECT_METHOD(option=setting.name, value=method.strip()), log)
    return None


def stir_shaken(setting: Setting) -> Answer:
    """`stir_shaken_handler`: a boolean at first, then one of four words, then anything, for it does nothing more."""
    if setting.release.has("stir_shaken_words"):
        return one_of(
            "off", "attest", "verify", "on",
            log="'{value}' is not a valid value for option 'stir_shaken' for endpoint {object}",
        )(setting)  # fmt: skip
    if not setting.release.has("stir_shaken_ignored"):
        return None
    log = f"Endpoint {setting.object}: Option 'stir_shaken' is no longer supported.  Use 'stir_shaken_profile' instead."
    return ValueWarning(ValueReason.STIR_SHAKEN_IS_GONE(), log)
