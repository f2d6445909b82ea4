"""Why an object does not load, or loads otherwise than it looks."""

from __future__ import annotations

from pjsipdiag.asterisk.reasons.reason import ReasonKind


class LoadReason(ReasonKind):
    MISSING = "{option}= is missing"
    NO_REMOTE_HOSTS = "{option}= is missing{spelt}, which every wizard without accepts_registrations=yes needs"
    MAPPING_REFUSED = "{mapping}: {why}"
    INCLUDE_NOT_KNOWN = "the included file {file} is not known: only one file was given"
    OTHER_TYPE = "its type is {type!r}, which is no type of object"
    TYPE_COMES_SECOND = "its type is {first!r} ({place}): the head of a section is missing before this type={type}"
    OF_CHAN_SIP = "its type is {type!r}, which is one of sip.conf: PJSIP has no such objects"
    NO_TYPE = "it has no type={type}"
    ADDS_NOTHING = "its head has no (+) and the section no type=, so its lines add nothing to [{section}] ({place})"
    TEMPLATE = "it is a template, marked (!), and no section is made of it"
    MAPPED_AWAY = "sorcery.conf takes {type} objects from {backends} alone"
    BEHIND_A_CACHE = "the list of {type} objects ends at the line of sorcery.conf before it is asked"
    WIZARD_ELSEWHERE = "type=wizard counts in {file} only"
    BIND_IS_MAPPED = "bind={value} is an IPv4 address in the form of IPv6, which PJSIP cannot bind"
    BIND_WITHOUT_IPV4 = "bind={value} names a host that has no IPv4 address"
    ACL_FILE_WITH_GENERAL = "{file} may have no section [{section}], so no named ACL loads and all let pass"
    ACL_LINE_REFUSED = "{option}={value} is refused, so no named ACL loads and all let pass"
    NO_INTERFACE = "match={value}: there is no interface {zone}"
    MATCH_NOT_RESOLVED = "match={host} is no address, and no host of that name resolves"
    MATCH_ADDS_NOTHING = "match={host} adds nothing: other lines of the identify match its addresses already"
    MATCH_REFUSED = "match={value}: {words}"
    NOTHING_TO_MATCH = "it has nothing to match"
    HEADER_WITHOUT_COLON = "match_header has no ':' after the name of the header"
    HEADER_WITHOUT_NAME = "match_header names no header"
    BARE_EXPRESSION = (
        "{option}={value} is compared as it stands, for a regular expression stands between slashes: {option}={meant}"
    )
    REPLACED_PATTERN = "{option}={value} does not count: the later {option}= ({place}) takes its place"
    NO_EXPRESSION = "the regular expression of {option} does not compile: {error}"
    ONLY_ONE_FILE = "only {file} was given: other files of the configuration are not known"
    NO_WAY_OUT = "server_uri needs a transport of protocol={protocol} bound to {family}, and none listens"
    NAMED_WAY_OUT_MISSING = (
        "transport={name} is not loaded, and no other transport of protocol={protocol} bound to {family}, which"
        " server_uri needs, listens"
    )
    BIND_LEFT_BEHIND = (
        "transport [{name}] has no bind= and takes bind={value} ({place}) of the transport before it, which does not"
        " load"
    )
    ADDRESS_IN_USE = "another transport has {ip}:{port} already"
    SECOND_GLOBAL = "[{section}] is not the only section of type=global: it alone counts, being the last"
    NO_OPTION = "type={type} has no option {option!r} in {release}"
    NOT_YET_KNOWN = "no release that is known has the option {option!r} of type={type}: taken for one of {release}"
    TWO_OF_ONE_NAME = "there are two [{section}] of type={type} (first at {first}): no {type} loads at all"
    NAME_ALONE = (
        "nothing of [{section}] counts: without type={type} all its lines must be options in lower case, and"
        " {option!r} is none"
    )
    MORE_THAN_ONE = "there may be only one section of type={type}, and there are {count}: none counts"
    OTHER_ORDER = "the identifiers in force are {loaded}; these files give {written}"
    OTHER_ACL = "access list '{name}': loaded is {loaded}, written {written}"
    NOT_RELOADED = "{type} '{name}' stands at {where} and is not loaded: not reloaded since"
    LOADED_OTHERWISE = "{type} '{name}' is loaded ({values}), and {why}"
    OTHER_VALUE = "{what}: loaded is {option}={loaded}, written {option}={written} ({where})"
