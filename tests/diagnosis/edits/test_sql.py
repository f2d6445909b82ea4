"""Suggestions for rows of a database: run as they stand, they do what was shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.diagnosis.edits.sql import statements
from pjsipdiag.diagnosis.edits.text_changes import apply_edits, line_at, with_value
from pjsipdiag.diagnosis.model import Edit, Report, Suggestion
from tests.asterisk.realtime.recorded import DRIVERS, FIXTURES, Sqlite
from tests.asterisk.realtime.servers import Server, server

CAPTURE = FIXTURES.parent / "demo" / "capture.pcap"


class Pbx:
    """A PBX whose endpoints and identifies are rows."""

    def __init__(self, kind: str, running: Server | Sqlite, folder: Path) -> None:
        self.kind, self.running, self.folder = kind, running, folder
        self.database = running.database() if isinstance(running, Server) else ""
        schema = (FIXTURES / f"22.{kind}.sql").read_text()
        self.run(*(statement for statement in re.split(r";\n", schema) if statement.strip()))
        driver = DRIVERS[kind]
        files = {
            "pjsip.conf": "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n",
            "sorcery.conf": "[res_pjsip]\nendpoint=realtime,eps\nglobal=realtime,ps_globals\n"
            "[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ips\n",
            "extconfig.conf": f"[settings]\neps => {driver},main,ps_endpoints\n"
            f"ips => {driver},main,ps_endpoint_id_ips\nps_globals => {driver},main\n",
        }
        for name, text in files.items():
            (folder / name).write_text(text)

    def static(self, text: str, column: str = "VARCHAR(128)", metric: int | None = None) -> None:
        """pjsip.conf is a table: `text` as rows."""
        (self.folder / "pjsip.conf").unlink()
        (self.folder / "sorcery.conf").write_text("")
        (self.folder / "extconfig.conf").write_text(f"[settings]\npjsip.conf => {DRIVERS[self.kind]},main,ast_config\n")
        number = {"postgresql": "SERIAL PRIMARY KEY", "mariadb": "INT AUTO_INCREMENT PRIMARY KEY"}
        self.run(
            f"CREATE TABLE ast_config (id {number.get(self.kind, 'INTEGER PRIMARY KEY')}, cat_metric INTEGER, "
            "var_metric INTEGER, commented INTEGER, filename VARCHAR(128), category VARCHAR(128), "
            f"var_name VARCHAR(128), var_val {column})"
        )
        sections = [part.strip().split("\n") for part in text.split("[")[1:]]
        if self.kind != "sqlite3":
            sections.reverse()  # the highest metric is read first
        for at, (head, *lines) in enumerate(sections):
            for number_, line in enumerate(lines):
                name, _, value = line.partition("=")
                self.row(
                    "ast_config", cat_metric=str(at), var_metric=str(number_ if metric is None else metric),
                    commented="0", filename="pjsip.conf", category=head.rstrip("]"), var_name=name, var_val=value,
                )  # fmt: skip

    def run(self, *statements: str) -> None:
        self.running.run(statements, self.database)

    def row(self, table: str, **columns: str) -> None:
        quote = "`" if self.kind == "mariadb" else '"'
        names = ", ".join(f"{quote}{name}{quote}" for name in columns)
        values = ", ".join("'" + value.replace("'", "''") + "'" for value in columns.values())
        self.run(f"INSERT INTO {table} ({names}) VALUES ({values})")

    def endpoint(self, name: str) -> None:
        self.row("ps_endpoints", id=name, context="in", disallow="all", allow="alaw")

    def report(self) -> Report:
        return diagnose([CAPTURE], self.folder, databases=[f"main={self.running.url(self.database)}"], jobs=1)

    def applied(self, suggestion: Suggestion) -> Report:
        self.run(*(statement.removesuffix(";") for statement in suggestion.sql))
        return self.report()


@pytest.fixture(scope="module", params=DRIVERS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server | Sqlite]:
    with ExitStack() as stack:
        if request.param == "sqlite3":
            yield Sqlite(tmp_path_factory.mktemp("rows") / "unused")
        else:
            yield stack.enter_context(server(request.param))


@pytest.fixture
def pbx(running: Server | Sqlite, tmp_path: Path) -> Iterator[Pbx]:
    (tmp_path / "etc").mkdir()
    used = Sqlite(tmp_path / "rows.sqlite3") if isinstance(running, Sqlite) else running
    made = Pbx(running.kind, used, tmp_path / "etc")
    yield made
    if isinstance(running, Server):
        running.drop(made.database)


def verdict(report: Report, address: str) -> str:
    return next(source.endpoint for source in report.sources if source.address == address)


def test_an_address_goes_into_the_column(pbx: Pbx) -> None:
    pbx.endpoint("it's")
    pbx.row("ps_endpoint_id_ips", id="trunk", endpoint="it's", match="203.0.113.10,203.0.113.11,203.0.113.12")
    before = pbx.report()
    suggestion = before.suggestions[0]
    assert suggestion.fixes == 2
    assert suggestion.sql[0].startswith("UPDATE ps_endpoint_id_ips SET ")
    assert (suggestion.file, suggestion.line, suggestion.section) == ("ps_endpoint_id_ips", 0, "trunk")
    assert verdict(before, "203.0.113.13") == ""
    assert verdict(pbx.applied(suggestion), "203.0.113.13") == "it's"


def test_a_full_column_gets_a_second_row(pbx: Pbx) -> None:
    pbx.endpoint("trunk")
    full = "203.0.113.10,203.0.113.11,203.0.113.12,192.0.2.101,192.0.2.102,192.0.2.103"
    assert 80 - len("203.0.113.13,") < len(full) <= 80
    pbx.row("ps_endpoint_id_ips", id="trunk", endpoint="trunk", match=full)
    suggestion = pbx.report().suggestions[0]
    assert suggestion.sql[0].startswith("INSERT INTO ps_endpoint_id_ips ")
    assert "80 characters" in suggestion.note
    assert verdict(pbx.applied(suggestion), "203.0.113.13") == "trunk"


def test_a_wrong_endpoint_is_corrected(pbx: Pbx) -> None:
    pbx.endpoint("provider")
    pbx.row("ps_endpoint_id_ips", id="a", endpoint="provide", match="203.0.113.0/28")
    report = pbx.report()
    finding = next(finding for finding in report.findings if finding.rule == "endpoint-missing")
    assert str(finding.where) == "ps_endpoint_id_ips[id=a].endpoint"
    suggestion = report.suggestions[0]
    assert suggestion.sql == ("UPDATE ps_endpoint_id_ips SET endpoint = 'provider' WHERE id = 'a';",)
    assert verdict(pbx.applied(suggestion), "203.0.113.13") == "provider"


def test_a_narrow_column_is_widened(pbx: Pbx) -> None:
    """endpoint_identifier_order has 40 characters, which all names together exceed; SQLite cuts nothing."""
    if pbx.kind == "sqlite3":
        return
    order = "username,ip,anonymous,header,request_uri"
    assert len(order) == 40
    pbx.endpoint("trunk")
    pbx.row("ps_globals", id="global", endpoint_identifier_order=order)
    config = pbx.report().config
    assert config is not None
    assert config.globals.endpoint_identifier_order == order
    variable = config.globals.option("endpoint_identifier_order")
    assert variable is not None
    line, longer = line_at(config, variable.where), f"auth_username,{order}"
    edit = Edit(variable.where.file, variable.where.line, (line,), (with_value(line, longer),))
    pbx.run(*(statement.removesuffix(";") for statement in statements(config, [edit])))
    after = pbx.report().config
    assert after is not None
    assert after.globals.endpoint_identifier_order == longer


UDP = "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"
TRUNK = "[it's]\ntype=endpoint\ncontext=in\nallow=alaw\n"


@pytest.mark.parametrize(
    ("identify", "statement"),
    [
        ("[trunk]\ntype=identify\nendpoint=it's\nmatch=203.0.113.10\nmatch=203.0.113.11\n", "INSERT INTO ast_config "),
        (
            "[trunk]\ntype=identify\nmatch=203.0.113.10\nendpoint=it's\n",
            "UPDATE ast_config SET var_metric = var_metric + ",
        ),
        (
            "[trunk]\ntype=identify\nendpoint=it's\nmatch=203.0.113.10,203.0.113.11\n",
            "UPDATE ast_config SET var_val = ",
        ),
    ],
)
@pytest.mark.parametrize("metric", [None, 0])
def test_an_address_goes_into_a_file_that_is_a_table(
    pbx: Pbx, identify: str, statement: str, metric: int | None
) -> None:
    pbx.static(UDP + TRUNK + identify, metric=metric)
    before = pbx.report()
    suggestion = before.suggestions[0]
    assert suggestion.fixes == 2
    if metric is None:
        assert suggestion.sql[0].startswith(statement)
    assert (suggestion.file, suggestion.line, suggestion.edits) == ("ast_config:pjsip.conf", 0, ())
    assert verdict(before, "203.0.113.13") == ""
    after = pbx.applied(suggestion)
    assert verdict(after, "203.0.113.13") == "it's"
    assert after.config is not None
    assert all(dropped.type != "identify" for dropped in after.config.dropped)


def test_a_row_of_a_file_that_is_a_table_says_where_it_stands(pbx: Pbx) -> None:
    pbx.static(UDP + "[provider]\ntype=endpoint\n[a]\ntype=identify\nendpoint=provide\nmatch=203.0.113.0/28\n")
    report = pbx.report()
    finding = next(finding for finding in report.findings if finding.rule == "endpoint-missing")
    assert str(finding.where) == "ast_config:pjsip.conf[category=a].endpoint"
    suggestion = report.suggestions[0]
    assert re.fullmatch(r"UPDATE ast_config SET var_val = 'provider' WHERE id = \d+;", suggestion.sql[0])
    assert verdict(pbx.applied(suggestion), "203.0.113.13") == "provider"


def test_a_narrow_column_of_a_file_that_is_a_table_is_widened(pbx: Pbx) -> None:
    if pbx.kind == "sqlite3":
        return
    pbx.static(
        UDP + "[it]\ntype=endpoint\n[a]\ntype=identify\nendpoint=it\nmatch=203.0.113.10,203.0.113.11\n", "VARCHAR(25)"
    )
    report = pbx.report()
    suggestion = report.suggestions[0]
    assert suggestion.sql[0].startswith("ALTER TABLE ast_config ")
    assert verdict(pbx.applied(suggestion), "203.0.113.13") == "it"


@pytest.mark.parametrize(
    "edits",
    [
        [(15, (), ("", "[new]", "type=identify", "endpoint=it's", "match=203.0.113.13", "match=!203.0.113.14/32"))],
        [(15, (), ("match=203.0.113.13",))],
        [(12, ("type=identify",), ("type=identify", "srv_lookups=no"))],
        [(13, ("match=203.0.113.10",), ("match=203.0.113.10,203.0.113.13", "match=203.0.113.14"))],
        [(13, ("match=203.0.113.10",), ()), (14, ("endpoint=it's",), ("endpoint=it's", "match=203.0.113.1;4"))],
        [(12, ("type=identify",), ()), (15, (), ("type=identify", "match=203.0.113.13"))],
        [(3, ("protocol=udp",), ("protocol=tcp",)), (8, ("context=in",), ("context=\\\\it's",))],
    ],
)
def test_the_statements_do_what_the_lines_say(
    pbx: Pbx, edits: list[tuple[int, tuple[str, ...], tuple[str, ...]]]
) -> None:
    pbx.static(UDP + TRUNK + "[trunk]\ntype=identify\nmatch=203.0.113.10\nendpoint=it's\n")
    url, file = pbx.running.url(pbx.database), "ast_config:pjsip.conf"
    config = load_config(pbx.folder, databases={"main": url})
    if pbx.kind != "sqlite3":
        assert line_at(config, config.sections[0].where) == "[udp]"
    made = [Edit(file, line, old, new) for line, old, new in edits]
    assert all(line_at(config, Where(file, edit.line)) == "".join(edit.old[:1]) for edit in made if edit.old)
    told = load_config(pbx.folder, databases={"main": url}, overlay=apply_edits(config, made))
    pbx.run(*(statement.removesuffix(";") for statement in statements(config, made)))
    then = load_config(pbx.folder, databases={"main": url})
    assert said(then) == said(told) != said(config)


def said(config: Config) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(section.name, [(v.name, v.value) for v in section.variables]) for section in config.sections]
