"""Demands on an object as a whole, once all its variables are taken: Asterisk's apply handlers.

The one of identify is in `identify.py`: it resolves names and compiles expressions.
"""

from __future__ import annotations

from pjsipdiag.asterisk.loading.values.candidate import Candidate, Drop, Requirement
from pjsipdiag.asterisk.loading.values.credentials import parse_digests, supported_algorithms
from pjsipdiag.asterisk.loading.values.registration import REGISTRATION_CHECKS
from pjsipdiag.asterisk.reasons.values import ValueReason


def session_timers(endpoint: Candidate) -> Drop | None:
    least, longest = endpoint.number("timers_min_se", 90), endpoint.number("timers_sess_expires", 1800)
    if least < 90:
        text = f"Session timer minimum expires time must be 90 or greater on endpoint '{endpoint.name}'"
        return Drop(ValueReason.MIN_SE(least=least), text, "timers_min_se")
    if longest < least:
        text = f"Session timer expires must be greater than minimum session expires time on endpoint '{endpoint.name}'"
        blame = "timers_sess_expires" if "timers_sess_expires" in endpoint.options else "timers_min_se"
        return Drop(ValueReason.SESSION_EXPIRES(longest=longest, least=least), text, blame)
    return None


def dtls_certificates(endpoint: Candidate) -> Drop | None:
    """`ast_rtp_dtls_cfg_validate` (main/rtp_engine.c)."""
    if endpoint.flag("dtls_auto_generate_cert") and endpoint.text("dtls_cert_file"):
        text = (
            "You cannot request automatically generated certificates (dtls_auto_generate_cert) and also specify a "
            "certificate file (dtls_cert_file) at the same time"
        )
        return Drop(
            ValueReason.EXCLUDE(option="dtls_auto_generate_cert", other="dtls_cert_file"),
            text,
            "dtls_auto_generate_cert",
        )
    return None


def rtp_ports(endpoint: Candidate) -> Drop | None:
    start, end = endpoint.number("rtp_port_start", 0), endpoint.number("rtp_port_end", 0)
    if not endpoint.release.has("endpoint_rtp_ports") or not (start or end):
        return None
    blame = "rtp_port_end" if "rtp_port_end" in endpoint.options else "rtp_port_start"
    if not (start and end):
        text = f"Endpoint '{endpoint.name}': Both rtp_port_start and rtp_port_end must be set together"
        return Drop(ValueReason.ONE_RTP_PORT(), text, blame)
    if start < 1024 or end < 1024:
        text = f"Endpoint '{endpoint.name}': rtp_port_start and rtp_port_end must be at least 1024"
        return Drop(ValueReason.LOW_RTP_PORTS(), text, blame)
    if end <= start:
        text = f"Endpoint '{endpoint.name}': rtp_port_end ({end}) must be greater than rtp_port_start ({start})"
        return Drop(ValueReason.RTP_PORT_ORDER(end=end, start=start), text, blame)
    return None


def preferred_codec(endpoint: Candidate) -> Drop | None:
    preference = endpoint.text("incoming_call_offer_pref", "local")
    if endpoint.flag("preferred_codec_only") and preference != "local":
        text = (
            "Setting both preferred_codec_only and incoming_call_offer_pref is not supported on endpoint "
            f"'{endpoint.name}'"
        )
        return Drop(
            ValueReason.EXCLUDE(option="preferred_codec_only", other="incoming_call_offer_pref"),
            text,
            "preferred_codec_only",
        )
    return None


def geolocation(endpoint: Candidate) -> Drop | None:
    """The profiles must be in geolocation.conf, or be one of those that res_geolocation brings along."""
    for option in ("geoloc_incoming_call_profile", "geoloc_outgoing_call_profile"):
        profile = endpoint.text(option)
        if profile and endpoint.profiles(profile) is False:
            text = f"{option} '{profile}' on endpoint '{endpoint.name}' doesn't exist"
            return Drop(ValueReason.NO_GEOLOCATION_PROFILE(profile=profile), text, option)
    return None


def auth_username(auth: Candidate) -> Drop | None:
    if auth.text("username"):
        return None
    old, new = f"No authentication username for auth '{auth.name}'", f"{auth.name}: No authentication username"
    return Drop(ValueReason.IS_MISSING(option="username"), new if auth.release.has("digests") else old)


def auth_oauth(auth: Candidate) -> Drop | None:
    needed = ("refresh_token", "oauth_clientid", "oauth_secret")
    if auth.text("auth_type").lower() == "google_oauth" and not all(auth.text(option) for option in needed):
        text = (
            "'google_oauth' authentication specified but refresh_token, oauth_clientid, or oauth_secret not specified"
        )
        text = f"{auth.name}: {text}" if auth.release.has("digests") else f"{text} for auth '{auth.name}'"
        return Drop(ValueReason.TYPE_NEEDS(value="google_oauth", options=needed), text, "auth_type")
    return None


def auth_md5(auth: Candidate) -> Drop | None:
    """The credentials where MD5 is the only algorithm."""
    if auth.release.has("digests") or auth.text("auth_type").lower() != "md5":
        return None
    digest = auth.text("md5_cred")
    if not digest:
        text = f"'md5' authentication specified but no md5_cred specified for auth '{auth.name}'"
        return Drop(ValueReason.TYPE_NEEDS(value="md5", options=("md5_cred",)), text, "auth_type")
    size = len(digest.encode("utf-8", "surrogateescape"))
    if size != 32:
        text = (
            f"'md5' authentication requires digest of size '32', but digest is '{size}' in size for auth '{auth.name}'"
        )
        return Drop(ValueReason.MD5_LENGTH(size=size), text, "md5_cred")
    return None


def auth_digests(auth: Candidate) -> Drop | None:
    """`check_algorithm`: a password, or a digest for every algorithm that is to be supported."""
    if not auth.release.has("digests") or auth.text("password") or auth.text("auth_type").lower() == "google_oauth":
        return None
    digests = {
        name.lower()
        for option in ("md5_cred", "password_digest")
        for variable in auth.options.get(option, ())
        for name, _ in parse_digests(variable.value)
    }
    # check_algorithm() is called for each algorithm, and each that has no secret is logged; the first one is the
    # reason.
    missing, log = "", []
    for agent in ("uas", "uac"):
        for name in supported_algorithms(auth.options, agent, auth.settings):
            if name.lower() not in digests:
                missing = missing or name.upper()
                log.append(
                    f"{auth.name}: No plain text or digest password found for algorithm {name.upper()} in "
                    f"supported_algorithms_{agent}"
                )
    return Drop(ValueReason.NO_PASSWORD(algorithm=missing), "\n".join(log)) if missing else None


def domain_alias(alias: Candidate) -> Drop | None:
    if alias.text("domain"):
        return None
    return Drop(
        ValueReason.IS_MISSING(option="domain"), f"domain_alias '{alias.name}' missing required domain being aliased."
    )


def global_debug(settings: Candidate) -> Drop | None:
    if settings.text("debug", "no"):
        return None
    text = (
        "Global option 'debug' can't be empty.  Set it to a valid value or remove the entry to accept 'no' as the "
        "default"
    )
    return Drop(ValueReason.IS_EMPTY(option="debug"), text, "debug")


def global_from_user(settings: Candidate) -> Drop | None:
    if settings.text("default_from_user", "asterisk"):
        return None
    text = (
        "Global option 'default_from_user' can't be empty.  Set it to a valid value or remove the entry to accept "
        "'asterisk' as the default"
    )
    return Drop(ValueReason.IS_EMPTY(option="default_from_user"), text, "default_from_user")


def transport_bind(transport: Candidate) -> Drop | None:
    if "bind" in transport.options or transport.text("protocol").lower() == "flow":
        return None
    text = f"Transport '{transport.name}' could not be started as binding not specified"
    return Drop(ValueReason.IS_MISSING(option="bind"), text, "bind")


CHECKS: dict[str, tuple[Requirement, ...]] = {
    "endpoint": (session_timers, dtls_certificates, rtp_ports, preferred_codec, geolocation),
    "auth": (auth_username, auth_oauth, auth_md5, auth_digests),
    "domain_alias": (domain_alias,),
    "global": (global_debug, global_from_user),
    "transport": (transport_bind,),
    "registration": REGISTRATION_CHECKS,
}
"""The checks of each object type in Asterisk's order; the first that fails drops the object."""
