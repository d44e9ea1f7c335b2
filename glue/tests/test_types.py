"""Every column type goes the whole way on real servers: backed up, compared, restored, purged, restored again."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa
import pytest

from tests.support.lab import Lab
from tests.support.mariadb_server import MariaDbServer
from tests.support.mysql_server import REPOSITORY, MySqlServer
from tests.support.type_cases import BOTH, GROUPS, MYSQL, TypeCase, shape
from xray_backup.archive import archive
from xray_backup.archive_policy import ArchivePolicy
from xray_backup.column_definition import parse_columns
from xray_backup.column_types import ColumnType, parse_column_type, without_display_width
from xray_backup.comparison import compare
from xray_backup.data_file import decode
from xray_backup.data_model import DataModel, Table
from xray_backup.database_model import EVERY_TABLE, read_tables
from xray_backup.errors import UsageError
from xray_backup.manifest_store import load_manifest
from xray_backup.purge import purge
from xray_backup.restore import restore
from xray_backup.restore_result import RestoreResult
from xray_backup.restore_selection import Selection
from xray_backup.row_text import row_text_sql, row_texts
from xray_backup.snapshot import snapshot
from xray_backup.store import FolderStore
from xray_backup.verification import verify

LOOSE = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'"
POLICIES = (ArchivePolicy("t", "moment"),)
STEPS = ("text", "copy", "verify", "compare", "catalog", "restore", "purge", "restore after purge")
Results: TypeAlias = dict[str, dict[str, dict[str, str]]]
RESULTS = REPOSITORY / ".local" / "test-results" / "types.json"


@pytest.fixture(scope="module")
def results() -> Iterator[Results]:
    """By type and server: the steps that held; written and printed at the end."""
    found: Results = {}
    yield found
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False))
    print()
    for name, by_server in found.items():
        for server, steps in by_server.items():
            print(f"{name[:60]:60} {server:8} " + " ".join(steps.get(step, "-") for step in STEPS))


class TypeLab(Lab):
    """A schema with one table; its columns `v0`, `v1`, … are of the types of one group."""

    cases: Sequence[TypeCase]
    model: DataModel

    def make(self, cases: Sequence[TypeCase]) -> TypeLab:
        self.cases = cases
        columns = [f"v{number} {case.type} {case.generated or 'NULL'}" for number, case in enumerate(cases)]
        written = ["id", "moment", *(f"v{number}" for number, case in enumerate(cases) if not case.generated)]
        values = zip_longest(*(case.expressions() for case in cases if not case.generated), fillvalue="NULL")
        with self.server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{self.schema}` CHARACTER SET utf8mb4")
            cursor.execute(f"USE `{self.schema}`")
            cursor.execute(LOOSE)
            cursor.execute("CREATE TEMPORARY TABLE bits (b BIT(3)) SELECT b'101' AS b")
            cursor.execute(
                f"CREATE TABLE t (id INT NOT NULL PRIMARY KEY, moment DATETIME NOT NULL, {', '.join(columns)})"
            )
            for number, row in enumerate(values, 1):
                cursor.execute(
                    f"INSERT INTO t ({', '.join(written)}) VALUES ({number}, '2022-01-01', {', '.join(row)})"
                )
            # A purge leaves the row with the highest key.
            cursor.execute("INSERT INTO t (id, moment) VALUES (100000, '2022-01-01')")
        with self.database().session() as connection:
            self.model = read_tables(connection, self.schema).whole_model()
        return self

    def run(self, command: str = "test", **overrides: Any) -> Any:
        return super().run(command, **({"policies": POLICIES, "tables": EVERY_TABLE} | overrides))

    def values(self, schema: str | None = None) -> list[tuple[Any, ...]]:
        """Every value in a way of its own."""
        fields = [f"HEX(CONCAT(v{n})), {case.bits.format(v=f'v{n}')}" for n, case in enumerate(self.cases)]
        return self.sql(f"SELECT id, {', '.join(fields)} FROM `{schema or self.schema}`.t ORDER BY id")


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("group", list(GROUPS))
def test_types_go_the_whole_way(
    group: str, kind: str, request: pytest.FixtureRequest, tmp_path: Path, results: Results
) -> None:
    cases = [case for case in GROUPS[group] if kind in case.servers]
    if not cases:
        pytest.skip(f"{kind} has none of these")
    server = request.getfixturevalue("server" if kind == MYSQL else "mariadb")
    lab = TypeLab(server, FolderStore(tmp_path), f"type_{uuid.uuid4().hex[:8]}")
    held: dict[str, str] = {}
    for case in cases:
        name = f"{case.type} {case.generated}".strip() + (f" ({group})" if case.kept else "")
        results.setdefault(name, {})[kind] = held
    try:
        whole_way(lab.make(cases), held)
    finally:
        lab.drop_schema()
    assert list(held) == list(STEPS)


def whole_way(lab: TypeLab, held: dict[str, str]) -> None:
    (table,) = lab.model.tables
    before, lost = lab.values(), sum(case.kept for case in lab.cases)
    count = len(before)

    snapshot(lab.run(), "s", 60)
    held["copy"] = "ok"
    manifest = load_manifest(lab.store, "snapshot-s")
    rows = pa.concat_tables(
        [decode(table, lab.store.read(file.key).body, file.key) for file in manifest.tables["t"].files],  # type: ignore[union-attr]
        promote_options="default",
    )
    for number, case in enumerate(lab.cases):
        check_text(lab, replace(table, columns=(table.column(f"v{number}"),)), rows)
        exact = rows.column(f"v{number}__exact").drop_null() if f"v{number}__exact" in rows.column_names else []
        if not (case.is_laid_out_by_mysql and isinstance(lab.server, MariaDbServer)):
            assert len(exact) == case.exact, case.type
    held["text"] = "ok"

    verify(lab.run(), manifest)
    held["verify"] = "ok"
    (difference,) = compare(lab.run(), manifest).values()
    assert (difference.equal, difference.changed) == (count, 0)
    held["compare"] = "ok"

    check_catalog(lab, table, rows)
    held["catalog"] = "ok"

    other = f"{lab.schema}_other"
    restored = restore(lab.run(), ["snapshot-s"], other, Selection())
    assert (restored["t"].inserted, len(restored["t"].refused)) == (count - lost, lost)
    assert set(lab.values(other)) <= set(before)
    assert len(lab.values(other)) == count - lost
    held["restore"] = "ok" if not lost else f"{lost} refused"

    archive(lab.run(), "a", 2)
    result = purge(lab.run("purge"), 2, 1_000, 0.0)
    assert (result.rows, len(result.kept.get("not_insertable", []))) == ({"t": count - 1 - lost}, lost)
    held["purge"] = "ok" if not lost else f"{lost} kept"
    again = restore(lab.run(), ["archive-a"], None, Selection())
    assert again["t"].inserted == count - 1 - lost
    assert lab.values() == before
    held["restore after purge"] = "ok"
    for step in STEPS:
        held[step] = held.pop(step)


def check_text(lab: TypeLab, alone: Table, rows: pa.Table) -> None:
    """The text of a column is the same from MySQL, row by row or many at once, and from Arrow."""
    with lab.database().session() as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {row_text_sql(alone)} FROM t ORDER BY id")
        one_by_one = [as_bytes(text) for (text,) in cursor.fetchall()]
        # The server cuts what is longer than it takes it for, where nothing stands beside it.
        cursor.execute(f"SELECT GROUP_CONCAT({row_text_sql(alone)} ORDER BY id) FROM t")
        ((together,),) = cursor.fetchall()
    assert row_texts(alone, rows).to_pylist() == one_by_one
    assert b",".join(one_by_one) == as_bytes(together)


def check_catalog(lab: TypeLab, table: Table, rows: pa.Table) -> None:
    """A query engine finds each column in the file with the type that the page has, and as many values as there are."""
    assert isinstance(lab.store, FolderStore)
    files = f"read_parquet('{lab.store.folder}/v1/snapshot/t/**/*.parquet')"
    found = {name: kind for name, kind, *_ in duckdb.execute(f"DESCRIBE SELECT * FROM {files}").fetchall()}
    for column in table.columns:
        assert ENGINE_TYPES.get(found[column.name], found[column.name].lower()) == athena(column.type), (
            column.type.mysql
        )
        (counted,) = duckdb.execute(f"SELECT COUNT({column.name}) FROM {files}").fetchall()
        assert counted == (len(rows) - rows.column(column.name).null_count,)


ENGINE_TYPES = {
    "INTEGER": "int", "TIMESTAMP WITH TIME ZONE": "timestamp", "VARCHAR": "string", "BLOB": "binary",
}  # fmt: skip
ATHENA = {
    "int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint", "float": "float", "double": "double",
    "date32[day]": "date", "timestamp[us, tz=UTC]": "timestamp", "string": "string", "binary": "binary",
}  # fmt: skip


def athena(kind: ColumnType) -> str:
    if pa.types.is_decimal(kind.arrow):
        return f"decimal({kind.arrow.precision},{kind.arrow.scale})"
    return ATHENA[str(kind.arrow)]


def as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


@pytest.mark.parametrize(
    ("type_", "values", "there", "refused"),
    [
        ("tinyint", ["-128", "127"], "bigint", 0),
        ("int unsigned", ["1", str(2**32 - 1)], "int", 1),
        ("bigint unsigned", ["1", str(2**64 - 1)], "decimal(20,0)", 0),
        ("int", ["-1", "7"], "int unsigned zerofill", 1),
        ("decimal(10,2)", ["1.5", "1.25"], "decimal(8,1)", 1),
        ("decimal(10,2) unsigned zerofill", ["1.5", "2"], "int", 1),
        ("datetime(6)", ["'2022-01-01 10:11:12.5'", "'2022-01-01 10:11:12'"], "datetime", 1),
        ("datetime", ["'2022-01-01 10:11:12'", "'1900-01-01'"], "timestamp(3)", 1),
        ("timestamp(3)", ["'2022-01-01 10:11:12.123'"], "datetime(6)", 0),
        ("varchar(9)", ["'ü'", "'漢'"], "text CHARACTER SET latin1", 1),
        ("varchar(9) CHARACTER SET cp932", ["'漢'", "_cp932 0xEEF9"], "varchar(9)", 1),
        ("varchar(9)", ["'a'", "'abc'"], "char(2)", 1),
        ("enum('a','b')", ["1", "2"], "enum('b','c','a')", 0),
        ("enum('a','b')", ["1", "2"], "enum('b')", 1),
        ("set('a','b')", ["3", "2"], "set('b')", 1),
        ("varbinary(9)", ["0xFF", "0x00"], "blob", 0),
        ("point", [shape("POINT(1 2)")], "geometry", 0),
    ],
)
def test_a_value_of_another_type_is_exact_or_refused(
    type_: str, values: list[str], there: str, refused: int, server: MySqlServer, tmp_path: Path
) -> None:
    with restored_as(TypeCase(type_, values), there, server, tmp_path) as (lab, restored):
        result = restored()
        # The NULL, the row at the end.
        assert (result["t"].inserted, len(result["t"].refused)) == (len(values) + 2 - refused, refused)
        assert restored()["t"].present == len(values) + 2 - refused
        # By their bytes, of those that have the same in both.
        if there.startswith(("char", "set", "blob", "geometry")):
            assert set(lab.values(f"{lab.schema}_other")) <= set(lab.values())


@pytest.mark.parametrize(
    ("type_", "there"),
    [
        ("float", "double"), ("double", "double(10,2)"), ("json", "longtext"), ("varchar(9)", "json"),
        ("date", "datetime"), ("enum('a')", "varchar(9)"), ("time", "time(3)"), ("bit(3)", "int"), ("year", "int"),
        ("varchar(9)", "varbinary(9)"), ("blob", "text"), ("int", "vector(3)"),
    ],
)  # fmt: skip
def test_a_type_whose_values_cannot_be_compared_is_refused_by_name(
    type_: str, there: str, server: MySqlServer, tmp_path: Path
) -> None:
    with restored_as(TypeCase(type_), there, server, tmp_path) as (_, restored):
        for dry_run in (True, False):
            with pytest.raises(UsageError, match=r"column `v0` of table t is .* a value could not be proved") as error:
                restored(dry_run=dry_run)
            assert "\n" not in str(error.value)


@contextmanager
def restored_as(
    case: TypeCase, there: str, server: MySqlServer, folder: Path
) -> Iterator[tuple[TypeLab, Callable[..., RestoreResult]]]:
    """A backup of a type, and its restore into a table where the column is of the type `there`."""
    lab = TypeLab(server, FolderStore(folder), f"type_{uuid.uuid4().hex[:8]}").make([case])
    try:
        snapshot(lab.run(), "s", 60)
        other = f"{lab.schema}_other"
        lab.sql(f"CREATE DATABASE `{other}` CHARACTER SET utf8mb4")
        lab.sql(f"CREATE TABLE `{other}`.t (id INT NOT NULL PRIMARY KEY, moment DATETIME NOT NULL, v0 {there} NULL)")
        yield lab, lambda **options: restore(lab.run(**options), ["snapshot-s"], other, Selection())
    finally:
        lab.drop_schema()


@pytest.mark.parametrize(("type_", "kind"), [("vector(3)", "server"), ("uuid", "mariadb"), ("inet6", "mariadb")])
def test_a_type_that_mysql_8_4_lacks_is_refused_by_name_before_the_first_step(
    type_: str, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    lab = TypeLab(request.getfixturevalue(kind), FolderStore(tmp_path), f"type_{uuid.uuid4().hex[:8]}")
    said = rf"column 'v0' of table {lab.schema}\.t: column type '{re.escape(type_)}' cannot be backed up"
    try:
        with pytest.raises(UsageError, match=said):
            lab.make([TypeCase(type_)])
        with pytest.raises(UsageError, match=said) as error:
            snapshot(lab.run(), "s", 60)
        assert "\n" not in str(error.value)
        assert not list(tmp_path.rglob("*.parquet"))
    finally:
        lab.drop_schema()


def test_columns_are_read_from_the_statement_whatever_signs_their_members_have() -> None:
    statement = (
        "CREATE TABLE `t` (\n  `id` int(5) unsigned zerofill NOT NULL,\n"
        "  `a` enum('x)','it''s','NOT NULL') COLLATE utf8mb4_bin NOT NULL DEFAULT 'x)',\n"
        "  `b` varchar(9) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT NULL,\n"
        "  `c` decimal(65,30) unsigned zerofill /*!80023 INVISIBLE */ GENERATED ALWAYS AS (1) VIRTUAL,\n"
        "  PRIMARY KEY (`id`)\n) ENGINE=InnoDB DEFAULT CHARSET=gbk COLLATE=gbk_bin"
    )
    found = [(c.name, c.type, c.nullable, c.is_generated, c.character_set) for c in parse_columns(statement)]
    assert found == [
        ("id", "int unsigned zerofill", False, False, "gbk"),
        ("a", "enum('x)','it''s','NOT NULL')", False, False, "gbk"),
        ("b", "varchar(9)", True, False, "latin1"),
        ("c", "decimal(65,30) unsigned zerofill", True, True, "gbk"),
    ]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("int(11)", "int"),
        ("tinyint(1)", "tinyint"),
        ("tinyint(4)", "tinyint"),
        ("int(5) unsigned zerofill", "int unsigned zerofill"),
        ("year(4)", "year"),
        ("enum('int(11)')", "enum('int(11)')"),
    ],
)
def test_the_width_of_an_integer_is_no_part_of_its_type(text: str, plain: str) -> None:
    assert without_display_width(text) == plain
    assert parse_column_type(text) == parse_column_type(plain)


PAGE = (REPOSITORY / "docs" / "backup" / "types.md").read_text()


def test_the_page_of_types_has_the_arrow_and_athena_types() -> None:
    rows = [line.split("|")[1:4] for line in PAGE.split("## ")[0].splitlines() if line.startswith("| `")]
    assert len(rows) == 22
    for mysql, arrow, athena_type in rows:
        digits = "(40,3)" if "above" in mysql else "(12,3)"
        made = arrow.strip(" `").replace("(p, s)", "(12, 3)")
        for name in re.findall(r"`([^`]+)`", mysql):
            name = (
                name.replace("(p,s)", digits).replace("(n)", "(3)").replace("(…)", "('a')").replace("bool", "tinyint")
            )
            assert str(parse_column_type(name).arrow) == made, name
            assert athena(parse_column_type(name)).replace("12,3", "p,s") == athena_type.strip(" `"), name
