"""The URLs of the databases that Asterisk's own files name, with the passwords that they hold: only when asked.

res_pgsql.conf has the one connection of pgsql (parse_config of res_config_pgsql.c); res_odbc.conf names a data source
of odbc.ini and how to log in (load_odbc_config of res_odbc.c).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import quote

from pjsipdiag.asterisk.files.parsed import ParsedFile
from pjsipdiag.asterisk.realtime.families import TableMapping
from pjsipdiag.asterisk.section import Section

ODBC_INI = ("odbc.ini", "/etc/odbc.ini")
_SCHEMES = (("maria", "mysql"), ("mysql", "mysql"), ("postgres", "postgresql"), ("psql", "postgresql"))
"""A word in the name of a data source's driver, and the scheme of URLs that serve its database."""


def urls(mapped: Iterable[TableMapping], parsed: Callable[[str], ParsedFile]) -> dict[str, str]:
    """Name of extconfig.conf -> URL, for those whose files say how they are reached."""
    found: dict[str, str] = {}
    for one in mapped:
        driver = one.driver.lower()
        url = _pgsql(parsed) if driver == "pgsql" else _odbc(one.database, parsed) if driver == "odbc" else ""
        if url:
            found[one.database] = url
    return found


def _pgsql(parsed: Callable[[str], ParsedFile]) -> str:
    file = parsed("res_pgsql.conf")
    if not file.sections_named("general"):
        return ""

    def setting(old: str, new: str, default: str = "") -> str:
        found = file.setting("general", new) or file.setting("general", old)
        return found.value.strip() if found else default

    host, port = setting("dbhost", "hostname"), setting("dbport", "port", "5432")
    user, secret = setting("dbuser", "user", "asterisk"), setting("dbpass", "password", "asterisk")
    socket = setting("dbsock", "socket")
    url = _url("postgresql", user, secret, host or "localhost", port)
    url += quote(setting("dbname", "dbname", "asterisk"), safe="")
    if not host and socket:
        url += f"?unix_sock={quote(f'{socket}/.s.PGSQL.{port}')}"
    return url


def _odbc(name: str, parsed: Callable[[str], ParsedFile]) -> str:
    held = next((section for section in parsed("res_odbc.conf").sections if section.name == name), None)
    if held is None:
        return ""
    known = (
        *parsed(ODBC_INI[0]).sections_named(_last(held, "dsn")),
        *parsed(ODBC_INI[1]).sections_named(_last(held, "dsn")),
    )
    source = next(iter(known), None)
    if source is None:
        return ""
    driver = (_last(source, "driver") + _last(source, "description")).lower()
    scheme = next((scheme for word, scheme in _SCHEMES if word in driver), "")
    if not scheme:
        return ""
    user = _last(held, "username") or _last(source, "user") or _last(source, "username") or _last(source, "uid")
    secret = _last(held, "password") or _last(source, "password") or _last(source, "pwd")
    host = _last(source, "server") or _last(source, "servername") or "localhost"
    url = _url(scheme, user, secret, host, _last(source, "port")) + quote(_last(source, "database"), safe="")
    socket = _last(source, "socket")
    return f"{url}?unix_socket={quote(socket)}" if socket and scheme == "mysql" else url


def _url(scheme: str, user: str, secret: str, host: str, port: str) -> str:
    login = quote(user, safe="") + (f":{quote(secret, safe='')}" if secret else "")
    at = f"[{host}]" if ":" in host else host
    return f"{scheme}://{login}@{at}" + (f":{port}/" if port else "/")


def _last(section: Section, name: str) -> str:
    found = [variable.value for variable in section.variables if variable.name.lower() == name]
    return found[-1].strip() if found else ""
