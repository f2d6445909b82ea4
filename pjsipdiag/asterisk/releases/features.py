"""Differences between releases that identification can see: the table `FEATURES`, and which releases have each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cache
from typing import Literal

from pjsipdiag.asterisk.releases.release_lines import RELEASES, line_of, number_of, predecessor
from pjsipdiag.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Releases that have something. `since` maps a line to the first release that has it (None: none of it has),
    `until` a line to the first that no longer has.

    The one default: a line in neither is as its predecessor (`release_lines.predecessor`), and the oldest has it.
    """

    since: Mapping[str, str | None] = field(default_factory=dict)
    until: Mapping[str, str] = field(default_factory=dict)

    def covers(self, version: str) -> bool:
        """Whether a release, by its name in the table, has it."""
        line = line_of(version)
        if line not in self.since and line not in self.until:
            before = predecessor(line)
            return not before or self.covers(before)
        since, until = self.since.get(line, ""), self.until.get(line)
        return (
            since is not None
            and number_of(since) <= number_of(version)
            and not (until and number_of(until) <= number_of(version))
        )


FeatureName = Literal[
    "header_regex",
    "match_ports",
    "byte_order_mark",
    "wizard_ports",
    "tel_identified",
    "names_reloaded",
    "request_uri",
    "transport",
    "identifies_by_name",
    "utf8_locale",
    "empty_elements",
    "strict_numbers",
    "late_wizard",
    "unordered_rows",
    "registration_declines",
    "bare_cache_crashes",
    "geolocation",
    "geolocation_needs_memory",
    "websocket_client",
    "websocket_channel_options",
    "stir_shaken",
    "aeap",
    "digests",
    "google_oauth",
    "h265",
    "testlaw",
    "peer_supported",
    "stir_shaken_words",
    "stir_shaken_ignored",
    "tls_1_3",
    "flow",
    "proxy_is_uri",
    "endpoint_rtp_ports",
    "empty_user_is_s",
    "caller_in_extension",
]


@dataclass(frozen=True, slots=True)
class Feature:
    """`effect` the releases of `span` do, and where Asterisk or PJSIP does it."""

    effect: str
    span: Span
    reference: str


FEATURES: dict[FeatureName, Feature] = {
    "header_regex": Feature(
        "match_header takes /regex/ and looks at every header of that name",
        Span({"16": "16.1.0"}),
        "res_pjsip_endpoint_identifier_ip.c: header_identify_match_check",
    ),
    "match_ports": Feature(
        "match= takes a source port (203.0.113.1:5061)",
        Span({"16": "16.8.0", "17": "17.2.0"}),
        "main/acl.c: ast_append_ha_with_port",
    ),
    "byte_order_mark": Feature(
        "a UTF-8 byte order mark at the start of a file is passed over; before, it makes the file invalid",
        Span({"16": "16.8.0", "17": "17.2.0"}),
        "main/config.c: config_text_file_load",
    ),
    "wizard_ports": Feature(
        "the port of remote_hosts= in pjsip_wizard.conf becomes part of match=; before, it is cut off",
        Span({"16": "16.20.0", "17": None, "18": "18.6.0"}),
        "res_pjsip_config_wizard.c: handle_identify",
    ),
    "tel_identified": Feature(
        "a request with tel: URIs is identified; before, it is answered 416",
        Span({"16": "16.29.0", "17": None, "18": "18.15.0", "19": "19.7.0"}),
        "res_pjsip/pjsip_distributor.c: ast_sip_is_allowed_uri",
    ),
    "names_reloaded": Feature(
        "a reload looks up the names of match= anew; before, only where the file was changed",
        Span({"16": "16.17.0", "17": None, "18": "18.3.0"}),
        "res_sorcery_config.c: sorcery_config_internal_load",
    ),
    "request_uri": Feature(
        "identifier request_uri and option match_request_uri",
        Span({"16": None, "18": "18.23.0", "19": None, "20": "20.8.0", "21": "21.3.0"}),
        "res_pjsip_endpoint_identifier_ip.c: request_identify",
    ),
    "transport": Feature(
        "identifier transport, which matched every request that nothing else had identified",
        Span(
            {"16": None, "18": "18.23.0", "20": "20.8.0", "21": "21.3.0"},
            until={"18": "18.23.1", "20": "20.8.1", "21": "21.3.1"},
        ),
        "GHSA-qqxj-v78h-hrf9",
    ),
    "identifies_by_name": Feature(
        "identifies are asked in the order of their names; before, in hash order",
        Span({"16": None, "20": "20.16.0", "21": "21.11.0", "22": "22.6.0"}),
        "main/sorcery.c: ast_sorcery_retrieve_by_fields",
    ),
    "utf8_locale": Feature(
        "regular expressions read UTF-8 characters; before, bytes",
        Span(
            {
                "16": None,
                "20": "20.18.1",
                "21": None,
                "22": "22.8.1",
                "23": "23.2.1",
                "certified-22.8": "certified-22.8-cert1",
            }
        ),
        "main/asterisk.c: setlocale",
    ),
    "empty_elements": Feature(
        "PJSIP 2.16 passes over empty elements in Accept, Allow, Supported, ...; before, it drops the message",
        Span({"16": None, "20": "20.19.0", "21": None, "22": "22.9.0", "23": "23.3.0"}),
        "sip_parser.c: parse_generic_array_hdr",
    ),
    "strict_numbers": Feature(
        "PJSIP 2.17 drops messages with an empty IPv6 reference [] or a Content-Length beyond 2147483647",
        Span({"16": None, "20": "20.20.0", "21": None, "22": "22.10.0", "23": "23.4.0"}),
        "sip_parser.c: int_parse_host, parse_hdr_content_len",
    ),
    "registration_declines": Feature(
        "res_pjsip_outbound_registration declines to load where [res_pjsip] of sorcery.conf maps its type; before, "
        "Asterisk crashes at start",
        Span({"16": None, "20": "20.19.0", "21": None, "22": "22.9.0", "23": "23.3.0"}),
        "res_pjsip_outbound_registration.c: load_module",
    ),
    "bare_cache_crashes": Feature(
        "Asterisk crashes at start where sorcery.conf has a memory_cache without any option",
        Span({"16": None, "18": "18.19.0", "19": None, "20": "20.4.0"}),
        "res_sorcery_memory_cache.c: sorcery_memory_cache_open",
    ),
    "geolocation": Feature(
        "res_geolocation, which starts before res_pjsip",
        Span({"16": "16.28.0", "17": None, "18": "18.14.0", "19": "19.6.0", "certified-18.9": "certified-18.9-cert2"}),
        "res/res_geolocation/geoloc_config.c",
    ),
    "geolocation_needs_memory": Feature(
        "res_geolocation keeps profiles of its own in memory, and declines to load where it cannot; before, it crashes",
        Span({"16": "16.29.0", "17": None, "18": "18.15.0", "19": "19.7.0", "certified-18.9": "certified-18.9-cert2"}),
        "res/res_geolocation/geoloc_config.c: geoloc_config_load",
    ),
    "websocket_client": Feature(
        "res_websocket_client, on which ARI depends: Asterisk does not start where it cannot read its file",
        Span({"16": None, "20": "20.15.0", "21": "21.10.0", "22": "22.5.0", "23": "23.0.0"}),
        "res/res_websocket_client.c: load_module",
    ),
    "websocket_channel_options": Feature(
        "chan_websocket reads options of its own",
        Span({"16": None, "20": "20.18.0", "21": None, "22": "22.8.0", "23": "23.2.0"}),
        "channels/chan_websocket.c: load_module",
    ),
    "stir_shaken": Feature(
        "res_stir_shaken",
        Span({"16": "16.15.0", "17": None, "18": "18.0.0"}),
        "res/res_stir_shaken.c",
    ),
    "aeap": Feature(
        "res_aeap",
        Span({"16": None, "18": "18.12.0"}),
        "res/res_aeap.c",
    ),
    "unordered_rows": Feature(
        "order_multi_row_results_by_initial_column=no leaves rows in the order in which the database gives them",
        Span({"16": None, "18": "18.20.0", "19": None, "20": "20.5.0"}),
        "res_config_pgsql.c: realtime_multi_pgsql; res_config_odbc.c: realtime_multi_odbc",
    ),
    "late_wizard": Feature(
        "the wizard makes its objects also where res_pjsip was started before it, and where sorcery.conf maps their"
        " type to memory",
        Span(
            {
                "16": None,
                "18": "18.25.0",
                "19": None,
                "20": "20.10.0",
                "21": "21.5.0",
                "22": "22.0.0",
                "certified-18.9": "certified-18.9-cert11",
                "certified-20.7": "certified-20.7-cert2",
            }
        ),
        "res_pjsip_config_wizard.c: load_module, object_type_registered_observer",
    ),
    "digests": Feature(
        "digest algorithms beyond MD5: auth_type=digest, password_digest, a password checked for each algorithm",
        Span({"16": None, "20": "20.12.0", "21": "21.7.0", "22": "22.2.0"}),
        "res_pjsip/config_auth.c: auth_apply",
    ),
    "google_oauth": Feature(
        "auth_type=google_oauth",
        Span({"16": None, "17": "17.0.0"}),
        "res_pjsip/config_auth.c: auth_type_handler",
    ),
    "h265": Feature(
        "the format h265",
        Span({"16": "16.7.0", "17": "17.1.0"}),
        "main/codec_builtin.c",
    ),
    "testlaw": Feature(
        "the format testlaw",
        Span({"19": None}),
        "main/codec_builtin.c",
    ),
    "peer_supported": Feature(
        "100rel=peer_supported",
        Span({"16": "16.30.0", "17": None, "18": "18.16.0", "19": "19.8.0", "20": "20.1.0"}),
        "res_pjsip/pjsip_configuration.c: prack_handler",
    ),
    "stir_shaken_words": Feature(
        "stir_shaken takes off, attest, verify or on; before, it is a boolean",
        Span(
            {"16": "16.23.0", "17": None, "18": "18.9.0", "19": "19.1.0", "20": "20.0.0", "21": "21.0.0"},
            until={"18": "18.22.0", "20": "20.7.0", "21": "21.2.0"},
        ),
        "res_pjsip/pjsip_configuration.c: stir_shaken_handler",
    ),
    "stir_shaken_ignored": Feature(
        "stir_shaken takes anything and only warns",
        Span({"16": None, "18": "18.22.0", "19": None, "20": "20.7.0", "21": "21.2.0"}),
        "res_pjsip/pjsip_configuration.c: stir_shaken_handler",
    ),
    "tls_1_3": Feature(
        "method=tlsv1_3 of a transport",
        Span({"16": None, "18": "18.20.0", "19": None, "20": "20.5.0"}),
        "res_pjsip/config_transport.c: transport_tls_method_handler",
    ),
    "flow": Feature(
        "protocol=flow of a transport",
        Span({"16": None, "17": "17.0.0"}),
        "res_pjsip/config_transport.c: transport_protocol_handler",
    ),
    "proxy_is_uri": Feature(
        "outbound_proxy of a registration must be a URI and nothing more",
        Span(
            {"16": "16.0.0", "17": "17.0.0", "18": "18.0.0", "19": "19.0.0", "20": "20.0.0"},
            until={"16": "16.30.0", "18": "18.16.0", "19": "19.8.0", "20": "20.1.0"},
        ),
        "res_pjsip_outbound_registration.c: sip_outbound_registration_apply",
    ),
    "endpoint_rtp_ports": Feature(
        "the port range of one endpoint",
        Span({"16": None, "20": "20.20.0", "21": None, "22": "22.10.0", "23": "23.4.0"}),
        "res_pjsip/pjsip_configuration.c: sip_endpoint_apply_handler",
    ),
    "empty_user_is_s": Feature(
        "a call without a user in its request URI goes to extension s; before, to none",
        Span({"16": None, "18": "18.16.0", "19": None, "20": "20.1.0"}),
        "res_pjsip_session.c: get_destination",
    ),
    "caller_in_extension": Feature(
        "extensions that ask for the caller's number (NAME/CALLER) take calls, and overlap_context is there; before, an"
        " extension that asks for a number takes no call of PJSIP",
        Span({"16": None, "18": "18.17.0", "19": None, "20": "20.2.0"}),
        "res_pjsip_session.c: get_destination, fetch_callerid_num",
    ),
}


@cache
def has_feature(version: str, name: FeatureName) -> bool:
    """Whether a release, by its name in the table, has a feature."""
    return FEATURES[name].span.covers(version)


def around(name: FeatureName, versions: tuple[str, ...]) -> tuple[str, ...]:
    """The releases given; before each that has the feature, the last one of its line that lacks it."""
    found: list[str] = []
    for version in versions:
        line = RELEASES[line_of(version)]
        found += [one for one in line if not has_feature(one, name)][-1:] if has_feature(version, name) else []
        found.append(version)
    return tuple(found)
