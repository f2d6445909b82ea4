"""The handlers of options: `HANDLERS` maps the names that options.json uses to functions.

In comes a Setting (option, value, section, release); out comes nothing, or what Asterisk says when it refuses or warns.

    setting, candidate    what a handler is given, and the object so far that a check of the whole sees
    numbers, words, certificate_files, addresses, uris, codecs, credentials, identification  one family of handlers each
    registration          values of an outbound registration
    checks                what is refused once all variables of an object are known (the apply handlers)

Imports: `addresses`, `pjsip`, `releases`; `object_options` walks a section through them. A handler is one function here
and one row of HANDLERS; it names the C function that it replays.
"""

from __future__ import annotations

from pjsipdiag.asterisk.loading.values import (
    addresses,
    certificate_files,
    codecs,
    credentials,
    identification,
    numbers,
    uris,
    words,
)
from pjsipdiag.asterisk.loading.values.codecs import parse_codecs
from pjsipdiag.asterisk.loading.values.identification import parse_identify_by
from pjsipdiag.asterisk.loading.values.setting import Handler

_REFRESH_METHOD = words.one_of(
    "invite", "reinvite", "update", log="Unrecognized option value {value} for {name} on endpoint {object}"
)
_REDIRECT_METHOD = words.one_of(
    "user", "uri_core", "uri_pjsip", log="Unrecognized redirect method {value} specified for endpoint {object}"
)

HANDLERS: dict[str, Handler] = {
    "OPT_BOOL_T": words.anything,
    "OPT_CHAR_ARRAY_T": words.anything,
    "OPT_CODEC_T": codecs.codec_list,
    "OPT_DOUBLE_T": numbers.double,
    "OPT_INT_T": numbers.integer,
    "OPT_NOOP_T": words.anything,
    "OPT_STRINGFIELD_T": words.anything,
    "OPT_UINT_T": numbers.uint,
    "OPT_YESNO_T": words.anything,
    "acl_handler": addresses.general_access_list,
    "auth_type_handler": credentials.auth_type,
    "call_offer_pref_handler": codecs.offer_preference,
    "caller_id_handler": words.anything,
    "caller_id_privacy_handler": words.caller_presentation,
    "caller_id_tag_handler": words.anything,
    "codec_prefs_handler": codecs.codec_preferences,
    "connected_line_method_handler": _REFRESH_METHOD,
    "contact_user_handler": words.anything,
    "direct_media_glare_mitigation_handler": words.one_of(
        "none", "outgoing", "incoming", log="Unrecognized option value {value} for {name} on endpoint {object}"
    ),
    "direct_media_method_handler": _REFRESH_METHOD,
    "dtls_handler": certificate_files.dtls,
    "dtmf_handler": words.one_of("info", "rfc4733", "inband", "none", "auto", "auto_info"),
    "endpoint_acl_handler": addresses.endpoint_access_list,
    "follow_redirect_methods_handler": words.follow_redirect_methods,
    "from_user_handler": words.from_user,
    "group_handler": words.group,
    "ident_handler": identification.identify_by,
    "inbound_auth_handler": words.anything,
    "ip_identify_match_handler": words.anything,
    "media_address_handler": words.anything,
    "media_encryption_handler": words.one_of("no", "sdes", "dtls"),
    "named_groups_handler": words.named_groups,
    "outbound_auth_handler": words.anything,
    "overload_trigger_handler": words.one_of(
        "none", "global", "pjsip_only", log="Unknown overload trigger '{value}' specified for {name}"
    ),
    "password_digest_handler": credentials.password_digest,
    "permanent_uri_handler": uris.contacts,
    "prack_handler": words.reliable_provisional,
    "redirect_method_handler": _REDIRECT_METHOD,
    "security_mechanism_handler": words.anything,
    "security_mechanisms_handler": words.anything,
    "security_negotiation_handler": credentials.security_negotiation,
    "set_var_handler": words.set_var,
    "stir_shaken_handler": words.stir_shaken,
    "t38udptl_ec_handler": words.t38_error_correction,
    "timers_handler": words.yes_no_or("required", "always", "forced"),
    "tos_handler": words.media_tos,
    "transport_bind_handler": addresses.bind,
    "transport_localnet_handler": addresses.local_net,
    "transport_protocol_handler": addresses.protocol,
    "transport_state_init": words.anything,
    "transport_tls_bool_handler": words.anything,
    "transport_tls_cipher_handler": addresses.tls_ciphers,
    "transport_tls_file_handler": certificate_files.tls_file,
    "transport_tls_method_handler": addresses.tls_method,
    "transport_tos_handler": words.transport_tos,
    "uac_algorithms_handler": credentials.uac_algorithms,
    "uas_algorithms_handler": credentials.uas_algorithms,
    "voicemail_extension_handler": words.anything,
}
"""Handler by the name of its C function, or by its type in `aco_option_type`; `match` is `match.py`'s."""

__all__ = ["HANDLERS", "parse_codecs", "parse_identify_by"]
