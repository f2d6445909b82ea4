"""What about tables is not as it looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag.asterisk.live.snapshot import LiveAnswers
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.realtime.tables import Databases
from pjsipdiag.asterisk.replay.identifiers import identify
from pjsipdiag.diagnosis import explain
from pjsipdiag.diagnosis.basis.name_sources import load
from tests.asterisk.realtime.recorded import Sqlite

TABLE = "CREATE TABLE ips (id VARCHAR(40), endpoint VARCHAR(40), match VARCHAR(40))"


def said(tmp_path: Path, rows: list[tuple[str, str, str]], mapping: str = "identify=realtime,ips") -> list[str]:
    database = Sqlite(tmp_path / "rows.sqlite3")
    database.run([TABLE.replace("match", '"match"'), *(f"INSERT INTO ips VALUES {row!r}" for row in rows)])
    files = {
        "pjsip.conf": "[a]\ntype=endpoint\n",
        "sorcery.conf": f"[res_pjsip_endpoint_identifier_ip]\n{mapping}\n",
        "extconfig.conf": "[settings]\nips => sqlite3,main\n",
    }
    config = load_config(None, overlay=files, databases={"main": database.url("")})
    return [f"{problem.where}: {problem.reason}" for problem in config.warnings]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("x", "a", "192.0.2.1;192.0.2.2"), "ips[id=x].match: sqlite3 does not part values at ';'"),
        (("x", "a", "192.0.2.100,192.0.2.101,192.0.2.102,192."), "ips[id=x].match: the column match is full (40"),
        (("x", " a", "192.0.2.1"), "ips[id=x].endpoint: sqlite3 keeps the blanks"),
    ],
)
def test_rows(tmp_path: Path, row: tuple[str, str, str], words: str) -> None:
    assert any(line.startswith(words) for line in said(tmp_path, [row]))


def test_an_order_that_fills_its_column(tmp_path: Path) -> None:
    """The usual schema has 40 characters for it: fewer than the six names take."""
    order = "ip,username,anonymous,auth_username,heade"[:40]
    database = Sqlite(tmp_path / "rows.sqlite3")
    database.run([
        "CREATE TABLE globals (id VARCHAR(40), endpoint_identifier_order VARCHAR(40))",
        f"INSERT INTO globals VALUES ('g', '{order}')",
    ])  # fmt: skip
    files = {
        "pjsip.conf": "[a]\ntype=endpoint\n",
        "sorcery.conf": "[res_pjsip]\nglobal=realtime,globals\n",
        "extconfig.conf": "[settings]\nglobals => sqlite3,main\n",
    }
    config = load_config(None, overlay=files, databases={"main": database.url("")})
    said = [f"{problem.where}: {problem.reason}" for problem in config.warnings]
    assert any(line.startswith("globals[id=g].endpoint_identifier_order: the column") for line in said)


def test_two_rows_with_one_id(tmp_path: Path) -> None:
    assert any(
        "two rows with id x" in line for line in said(tmp_path, [("x", "a", "192.0.2.1"), ("x", "a", "192.0.2.2")])
    )


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("identify=realtime,ips,allow_unqualified_fetch=no", "sorcery.conf:2: allow_unqualified_fetch keeps"),
        ("identify/cache=memory_cache,name=x\nidentify=realtime,ips", "sorcery.conf:2: without full_backend_cache=yes"),
        (
            "identify/cache=memory_cache,full_backend_cache=yes\nidentify=realtime,ips",
            "sorcery.conf:2: the cache holds all identifies",
        ),
    ],
)
def test_mappings(tmp_path: Path, mapping: str, words: str) -> None:
    assert any(line.startswith(words) for line in said(tmp_path, [("x", "a", "192.0.2.1")], mapping))


def test_a_database_that_the_driver_does_not_know(tmp_path: Path) -> None:
    """Real Asterisk finds nothing in it: names are compared with case."""
    files = {
        "pjsip.conf": "[a]\ntype=endpoint\n",
        "sorcery.conf": "[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ips\n",
        "extconfig.conf": "[settings]\nips => sqlite3,Main\n",
        "res_config_sqlite3.conf": f"[main]\ndbfile={tmp_path}/rows.sqlite3\n",
    }
    config = load_config(None, overlay=files)
    assert config.unread_objects == ()
    said = [f"{problem.where}: {problem.reason}" for problem in config.warnings]
    assert "extconfig.conf:2: res_config_sqlite3.conf has no section [Main]: no identify of that table is found" in said


def test_the_last_file_of_a_database_counts(tmp_path: Path) -> None:
    """new_realtime_sqlite3_db(), update_realtime_sqlite3_db(): sections of one name are one database."""
    for name, address in (("old", "192.0.2.1"), ("new", "192.0.2.2")):
        database = Sqlite(tmp_path / f"{name}.sqlite3")
        database.run([TABLE.replace("match", '"match"'), f"INSERT INTO ips VALUES ('x', 'a', '{address}')"])
    named = f"[main]\ndbfile={tmp_path}/old.sqlite3\n"
    later = f"dbfile={tmp_path}/new.sqlite3\n"
    for text in (named + later, named + "[main]\n" + later, f"{named}{later}[Main]\ndbfile={tmp_path}/old.sqlite3\n"):
        files = {
            "pjsip.conf": "[a]\ntype=endpoint\n",
            "sorcery.conf": "[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ips\n",
            "extconfig.conf": "[settings]\nips => sqlite3,main\n",
            "res_config_sqlite3.conf": text,
        }
        config = load_config(None, overlay=files)
        assert [rule.text for one in config.identifies for rule in one.rules] == ["192.0.2.2"]


@pytest.mark.parametrize(
    ("options", "address"),
    [
        ("[options]\nsystemname=one\n", "192.0.2.1"),
        ("[options]\nsystemname=two\nsystemname=one\n", "192.0.2.1"),
        ("[options]\nsystemname=one\n[options]\nsystemname=two\n", "192.0.2.1"),
        ("[options](!)\nsystemname=one\n[options]\nsystemname=two\n", "192.0.2.2"),
    ],
)
def test_the_first_options_name_the_system_whose_access_lists_count(tmp_path: Path, options: str, address: str) -> None:
    """load_asterisk_conf() of main/options.c: ast_variable_browse() reads one section."""
    database = Sqlite(tmp_path / "lists.sqlite3")
    columns = "name VARCHAR(9), rule_order INTEGER, sense VARCHAR(9), rule VARCHAR(40), systemname VARCHAR(9)"
    rows = "('l', 1, 'permit', '192.0.2.1', 'one'), ('l', 1, 'permit', '192.0.2.2', 'two')"
    database.run([f"CREATE TABLE lists ({columns})", f"INSERT INTO lists VALUES {rows}"])
    files = {
        "pjsip.conf": "[a]\ntype=endpoint\nacl=l\n",
        "acl.conf": "",
        "asterisk.conf": options,
        "extconfig.conf": "[settings]\nacls => sqlite3,main,lists\n",
        "res_config_sqlite3.conf": f"[main]\ndbfile={tmp_path}/lists.sqlite3\n",
    }
    config = load_config(None, overlay=files)
    assert [rule.text for rule in config.named_acls["l"]] == [address]


@pytest.mark.parametrize("live", [False, True])
def test_a_cache_may_hold_other_rows(tmp_path: Path, live: bool) -> None:
    """What a running Asterisk holds is known from it."""
    (tmp_path / "ips.csv").write_text("id,endpoint,match\nx,a,192.0.2.1\n")
    etc = tmp_path / "etc"
    etc.mkdir()
    for name, text in {
        "pjsip.conf": "[u]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[a]\ntype=endpoint\n",
        "sorcery.conf": "[res_pjsip_endpoint_identifier_ip]\nidentify/cache=memory_cache,Full_Backend_Cache=on\n"
        "identify=realtime,ips\n",
        "extconfig.conf": "[settings]\nips => odbc,main\n",
    }.items():
        (etc / name).write_text(text)
    told = LiveAnswers("running", "22.10.1") if live else None
    config = load(etc, {"databases": [f"main={tmp_path}"]}, told)
    verdict = identify(explain.request(explain.parse_source("192.0.2.1")), config)
    assert (verdict.outcome, verdict.endpoint) == ("accepted" if live else "unknown", "a")
    assert any("sorcery memory cache expire res_pjsip/identify" in check.reason for check in verdict.trace) is not live


def test_a_plain_table_has_none(tmp_path: Path) -> None:
    assert said(tmp_path, [("x", "a", "192.0.2.1,192.0.2.2")]) == []


@pytest.mark.parametrize(
    ("release", "option", "order"),
    [
        ("18.24.0", "no", ["b", "a"]),
        ("18.24.0", "yes", ["a", "b"]),
        ("18.19.0", "no", ["a", "b"]),
        ("22.10.1", "no", ["a", "b"]),
    ],
)
def test_rows_that_no_driver_orders(tmp_path: Path, release: str, option: str, order: list[str]) -> None:
    """What 18.20 and 20.5 brought; later releases sort the list themselves."""
    (tmp_path / "ips.csv").write_text("id,endpoint,match\nb,x,192.0.2.1\na,x,192.0.2.1\n")
    files = {
        "pjsip.conf": "[x]\ntype=endpoint\n",
        "sorcery.conf": "[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ips\n",
        "extconfig.conf": "[settings]\nips => odbc,main\n",
        "res_config_odbc.conf": f"[general]\norder_multi_row_results_by_initial_column={option}\n",
    }
    config = load_config(None, release, overlay=files, databases={"main": str(tmp_path)})
    assert [identify.name for identify in config.identifies] == order


def test_releases_share_the_rows_that_they_read_alike(tmp_path: Path) -> None:
    (tmp_path / "ips.csv").write_text("id,endpoint,match\nb,x,192.0.2.1\na,x,192.0.2.1\n")
    files = {
        "pjsip.conf": "[x]\ntype=endpoint\n",
        "sorcery.conf": "[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ips\n",
        "extconfig.conf": "[settings]\nips => odbc,main\n",
        "res_config_odbc.conf": "[general]\norder_multi_row_results_by_initial_column=no\n",
    }
    databases = Databases({"main": str(tmp_path)}, keeps_tables=True)
    for release, order, kept in (("23.4.1", "ab", 1), ("22.10.1", "ab", 1), ("18.24.0", "ba", 1), ("18.19.0", "ab", 2)):
        config = load_config(None, release, overlay=files, databases=databases)
        assert ("".join(one.name for one in config.identifies), len(databases.kept_tables)) == (order, kept)


def test_what_extconfig_includes_is_looked_for_in_no_table(tmp_path: Path) -> None:
    """Whether an include is a table hangs on extconfig.conf, which is not read yet."""
    (tmp_path / "extconfig.d").mkdir()
    (tmp_path / "extconfig.d" / "mine.conf").write_text("[settings]\nips => odbc,main\n")
    (tmp_path / "extconfig.conf").write_text("#include extconfig.d/*.conf\n")
    (tmp_path / "sorcery.conf").write_text("[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ips\n")
    (tmp_path / "pjsip.conf").write_text("")
    assert [one.type for one in load_config(tmp_path).unread_objects] == ["identify"]


@pytest.mark.parametrize(("column", "ends"), [("var_val", True), ("var_name", True), ("category", True), ("id", False)])
def test_null_in_a_row_of_a_file_ends_asterisk(tmp_path: Path, column: str, ends: bool) -> None:
    """Recorded: 16.28.0 and 22.10.1 end with a segmentation fault at the first three."""
    database = Sqlite(tmp_path / "rows.sqlite3")
    row = {"id": "1", "cat_metric": "0", "var_metric": "0", "filename": "pjsip.conf", "category": "udp"}
    row |= {"var_name": "type", "var_val": "transport", "commented": "0"}
    given = ", ".join("NULL" if name == column else f"'{value}'" for name, value in row.items())
    database.run([f"CREATE TABLE ast_config ({', '.join(row)})", f"INSERT INTO ast_config VALUES ({given})"])
    files = {"extconfig.conf": "[settings]\npjsip.conf => sqlite3,main,ast_config\n"}
    config = load_config(None, overlay=files, databases={"main": database.url("")})
    fatal = [one.reason for one in config.absent_modules if one.is_fatal]
    assert [f"].{column} is NULL" in reason for reason in fatal] == [True] * ends
