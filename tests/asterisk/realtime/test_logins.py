"""What Asterisk's own files say of the databases, as URLs."""

from __future__ import annotations

import pytest

from pjsipdiag.asterisk.files.conf import parse
from pjsipdiag.asterisk.files.files import Files
from pjsipdiag.asterisk.files.parsed import ParsedFile
from pjsipdiag.asterisk.realtime.families import TableMapping
from pjsipdiag.asterisk.realtime.logins import urls
from pjsipdiag.asterisk.releases import NEWEST, release

ODBC = "[main]\nenabled=yes\ndsn=asterisk-dsn\nusername=asterisk\npassword=p@ss/word\n"


@pytest.mark.parametrize(
    ("driver", "files", "url"),
    [
        (
            "pgsql",
            {"res_pgsql.conf": "[general]\ndbhost=192.0.2.5\ndbport=5433\ndbname=pbx\ndbuser=u\ndbpass=a:b\n"},
            "postgresql://u:a%3Ab@192.0.2.5:5433/pbx",
        ),
        (
            "pgsql",
            {"res_pgsql.conf": "[general]\ndbsock=/run/pg\ndbname=pbx\ndbuser=u\n"},
            "postgresql://u:asterisk@localhost:5432/pbx?unix_sock=/run/pg/.s.PGSQL.5432",
        ),
        (
            "pgsql",
            {"res_pgsql.conf": "[general]\nhostname=db\ndbhost=old\nuser=u\nuser=v\npassword=p\n[general]\nport=1\n"},
            "postgresql://u:p@db:5432/asterisk",
        ),
        (
            "odbc",
            {
                "res_odbc.conf": ODBC,
                "odbc.ini": "[asterisk-dsn]\nDriver=MariaDB Unicode\nServer=db.example\nPort=3307\nDatabase=asterisk\n",
            },
            "mysql://asterisk:p%40ss%2Fword@db.example:3307/asterisk",
        ),
        (
            "odbc",
            {
                "res_odbc.conf": ODBC,
                "odbc.ini": "[asterisk-dsn]\nDriver=PostgreSQL Unicode\nServername=db\nDatabase=a\n",
            },
            "postgresql://asterisk:p%40ss%2Fword@db/a",
        ),
        ("odbc", {"res_odbc.conf": ODBC}, None),
        ("odbc", {}, None),
        ("pgsql", {}, None),
    ],
)
def test_urls(driver: str, files: dict[str, str], url: str | None) -> None:
    def parsed(name: str) -> ParsedFile:
        return parse(name, Files(None, files), release(NEWEST))

    assert urls([TableMapping("ips", driver, "main", "ips")], parsed).get("main") == url
