"""Every column type goes the whole way on real servers: backed up, compared, restored, purged, restored again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from tests.support.lab import Lab
from tests.support.mariadb_server import MariaDbServer
from tests.support.mysql_server import REPOSITORY, MySqlServer
from tests.support.type_cases import BOTH, CASES, TypeCase
from xray_backup.archive import archive
from xray_backup.column_types import parse_column_type, without_display_width
from xray_backup.comparison import compare
from xray_backup.data_file import decode
from xray_backup.data_model import DataModel, parse_data_model
from xray_backup.manifest_store import load_manifest
from xray_backup.purge import purge
from xray_backup.restore import restore
from xray_backup.restore_batches import Selection
from xray_backup.row_text import row_text_sql, row_texts
from xray_backup.snapshot import snapshot
from xray_backup.store import FolderStore
from xray_backup.verification import verify

LOOSE = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'"
STEPS = ("text", "copy", "verify", "compare", "restore", "purge", "restore after purge")
RESULTS = REPOSITORY / ".local" / "test-results" / "types.json"


@pytest.fixture(scope="module")
def servers(server: MySqlServer, work_folder: Path) -> Iterator[dict[str, MySqlServer]]:
    maria = MariaDbServer(work_folder / "mariadb")
    maria.initialize()
    maria.start()
    yield dict(zip(BOTH, (server, maria), strict=True))
    maria.stop()


@pytest.fixture(scope="module")
def results() -> Iterator[dict[str, dict[str, dict[str, str]]]]:
    """By type and server: the steps that held; written and printed at the end."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    yield found
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False))
    print()
    for name, by_server in found.items():
        for server, steps in by_server.items():
            print(f"{name[:60]:60} {server:8} " + " ".join(steps.get(step, "-") for step in STEPS))


class TypeLab(Lab):
    """A schema with one table whose column `v` is of one type."""

    case: TypeCase
    model: DataModel

    def make(self, case: TypeCase) -> TypeLab:
        self.case = case
        with self.server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{self.schema}` CHARACTER SET utf8mb4")
            cursor.execute(f"USE `{self.schema}`")
            cursor.execute(LOOSE)
            cursor.execute(
                "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, moment DATETIME NOT NULL,"
                f" v {case.type} {case.generated or 'NULL'})"
            )
            cursor.execute("CREATE TEMPORARY TABLE bits (b BIT(3)) SELECT b'101' AS b")
            rows = ["NULL"] * 5 if case.generated else case.rows(Random(case.type))
            columns = "id, moment" if case.generated else "id, moment, v"
            for number, value in enumerate(rows, 1):
                more = "" if case.generated else f", {value}"
                cursor.execute(f"INSERT INTO t ({columns}) VALUES ({number}, '2022-01-01'{more})")
            # A purge leaves the row with the highest key.
            cursor.execute("INSERT INTO t (id, moment) VALUES (100000, '2022-01-01')")
        self.model = self._read_model()
        return self

    def _read_model(self) -> DataModel:
        columns = self.sql(
            "SELECT column_name, column_type, is_nullable, character_set_name FROM information_schema.columns"
            " WHERE table_schema = DATABASE() ORDER BY ordinal_position"
        )
        return parse_data_model(
            {
                "tables": [
                    {
                        "name": "t",
                        "key": "id",
                        "timeColumn": "moment",
                        "columns": [
                            {
                                "name": name,
                                "type": without_display_width(kind),
                                "nullable": nullable == "YES",
                                "characterSet": charset,
                            }
                            for name, kind, nullable, charset in columns
                        ],
                    }
                ]
            }
        )

    def run(self, command: str = "test", **overrides: Any) -> Any:
        return super().run(command, **({"model": self.model} | overrides))

    def values(self, schema: str | None = None) -> list[tuple[Any, ...]]:
        """Every value in a way of its own."""
        return self.sql(f"SELECT id, HEX(CONCAT(v)), {self.case.bits} FROM `{schema or self.schema}`.t ORDER BY id")


@pytest.mark.parametrize(
    ("case", "server_name"),
    [pytest.param(case, name, id=f"{case.type[:50]!r}-{name}") for case in CASES for name in case.servers],
)
def test_a_type_goes_the_whole_way(
    case: TypeCase,
    server_name: str,
    servers: dict[str, MySqlServer],
    tmp_path: Path,
    results: dict[str, dict[str, dict[str, str]]],
) -> None:
    lab = TypeLab(servers[server_name], FolderStore(tmp_path), f"type_{uuid.uuid4().hex[:8]}")
    held = results.setdefault(f"{case.type} {case.generated}".strip(), {}).setdefault(server_name, {})
    try:
        whole_way(lab.make(case), held)
    finally:
        lab.drop_schema()
    assert list(held) == list(STEPS)


def whole_way(lab: TypeLab, held: dict[str, str]) -> None:
    case, (table,) = lab.case, lab.model.tables
    before = lab.values()
    count = len(before)

    snapshot(lab.run(), "s", 60)
    held["copy"] = "ok"
    manifest = load_manifest(lab.store, "snapshot-s", lab.model)
    rows = pa.concat_tables(
        [decode(table, lab.store.read(file.key).body, file.key) for file in manifest.tables["t"].files],  # type: ignore[union-attr]
        promote_options="default",
    )
    with lab.database().session() as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {row_text_sql(table)} FROM t ORDER BY id")
        of_mysql = [as_bytes(text) for (text,) in cursor.fetchall()]
        assert row_texts(table, rows).to_pylist() == of_mysql
        # The server cuts what is longer than it takes it for, where nothing stands beside it.
        alone = replace(table, columns=(table.column("v"),))
        cursor.execute(f"SELECT {row_text_sql(alone)} FROM t ORDER BY id")
        one_by_one = b",".join(as_bytes(text) for (text,) in cursor.fetchall())
        cursor.execute(f"SELECT GROUP_CONCAT({row_text_sql(alone)} ORDER BY id) FROM t")
        ((together,),) = cursor.fetchall()
        assert one_by_one == as_bytes(together)
    held["text"] = "ok"
    exact = rows.column("v__exact").drop_null() if "v__exact" in rows.column_names else []
    if not (case.is_laid_out_by_mysql and isinstance(lab.server, MariaDbServer)):
        assert len(exact) == case.exact

    verify(lab.run(), manifest)
    held["verify"] = "ok"
    (difference,) = compare(lab.run(), manifest).values()
    assert (difference.equal, difference.changed) == (count, 0)
    held["compare"] = "ok"

    other = f"{lab.schema}_other"
    restored = restore(lab.run(), ["snapshot-s"], other, Selection())
    assert (restored["t"].inserted, len(restored["t"].refused)) == (count - case.kept, case.kept)
    assert set(lab.values(other)) <= set(before)
    assert len(lab.values(other)) == count - case.kept
    held["restore"] = "ok" if not case.kept else f"{case.kept} refused"

    archive(lab.run(), "a", 2)
    result = purge(lab.run("purge"), 2, 1_000, 0.0)
    assert (result.rows, len(result.kept.get("not_insertable", []))) == ({"t": count - 1 - case.kept}, case.kept)
    held["purge"] = "ok" if not case.kept else f"{case.kept} kept"
    again = restore(lab.run(), ["archive-a"], None, Selection())
    assert again["t"].inserted == count - 1 - case.kept
    assert lab.values() == before
    held["restore after purge"] = "ok"
    held |= {step: held.pop(step) for step in STEPS}


def as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("int(11)", "int"),
        ("tinyint(1)", "tinyint(1)"),
        ("tinyint(4)", "tinyint"),
        ("int(5) unsigned zerofill", "int unsigned zerofill"),
        ("year(4)", "year"),
        ("enum('int(11)')", "enum('int(11)')"),
    ],
)
def test_the_width_of_an_integer_is_no_part_of_its_type(text: str, plain: str) -> None:
    assert without_display_width(text) == plain
    assert parse_column_type(text) == parse_column_type(plain)
