"""The catalog's view `detections`, read by DuckDB over the same files: each row once, whatever was purged."""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.lab import TABLES, Lab
from tests.support.mysql_server import REPOSITORY
from xray_backup.archive import archive
from xray_backup.column_types import parse_column_type
from xray_backup.purge import purge
from xray_backup.snapshot import snapshot

OLD_MANIFESTS = REPOSITORY / "glue" / "tests" / "old_stores" / "0.1.0" / "store" / "v1" / "_manifests"
VIEW_MIGRATION = REPOSITORY / "sql" / "migrations" / "V0002__create_detections_view.sql"
CATALOG = (
    'const { DataModel } = require("./dist/modules/common/data-model");'
    'const { detectionsSql, latestSql } = require("./dist/modules/backup/catalog-views");'
    'const { catalogTables, hiveType } = require("./dist/modules/backup/catalog-table");'
    "const { tables } = DataModel.xray();"
)
ARROW_IN_HIVE = {
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "timestamp",
}


def of_catalog(expression: str) -> Any:
    """The value of an expression over the code of the BackupCatalog construct."""
    script = f"{CATALOG}process.stdout.write(JSON.stringify({expression}));"
    done = subprocess.run(["node", "-e", script], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def detections(store: Path) -> list[tuple[Any, ...]]:
    """The rows of the view `detections`."""
    return rows_of(store, of_catalog("detectionsSql(tables)"))


def rows_of(store: Path, view: str) -> list[tuple[Any, ...]]:
    """The rows of a view. Athena names a row's file `$path`, DuckDB `filename`; the rest of the SQL is the same."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for kind in ("snapshot", "archive"):
            for table in TABLES:
                files = f"{store}/v1/{kind}/{table}/**/*.parquet"
                connection.execute(
                    f'CREATE VIEW {kind}_{table} AS SELECT * EXCLUDE (filename), filename AS "$path"'
                    f" FROM read_parquet('{files}', filename = true, hive_partitioning = false)"
                )
        connection.execute(f"CREATE VIEW manifests AS SELECT * FROM read_json('{store}/v1/catalog/*.json')")
        return [tuple(map(plain, row)) for row in connection.execute(view).fetchall()]


def plain(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime.datetime) else value


def in_order(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)


def test_the_view_shows_every_row_once_after_a_purge(lab: Lab, tmp_path: Path) -> None:
    lab.fill(40)
    lab.sql("INSERT INTO image VALUES (900, 'lake', 'xray-images', 'without a prediction')")
    lab.sql("INSERT INTO `transaction` VALUES (901, 900, '2022-05-24 11:08:23', 0.3, 0.5)")
    lab.sql(VIEW_MIGRATION.read_text().rstrip().rstrip(";"))
    before = in_order(lab.sql("SELECT * FROM detections"))
    snapshot(lab.run(), "s1", 60)
    archive(lab.run(), "a1", 2)
    archive(lab.run(), "a2", 2)
    purge(lab.run(), 2, 100, 0.0)
    snapshot(lab.run(), "s2", 60)
    assert lab.count("transaction") < 41
    # The files of a run that died have no manifest.
    store = tmp_path / "store"
    folder = next((store / "v1" / "snapshot" / "image").glob("run_date=*/run_id=*"))
    shutil.copytree(folder, folder.with_name("run_id=left-over"))
    assert in_order(detections(store)) == before


def test_the_views_of_another_model_show_the_newest_copy_of_each_row(lab: Lab, tmp_path: Path) -> None:
    lab.fill(40)
    before = {table: in_order([tuple(map(plain, row)) for row in lab.rows(table)]) for table in TABLES}
    snapshot(lab.run(), "s1", 60)
    archive(lab.run(), "a1", 2)
    purge(lab.run(), 2, 100, 0.0)
    lab.sql("UPDATE image SET folder = 'moved' WHERE image_id = 1")
    snapshot(lab.run(), "s2", 0)
    store = tmp_path / "store"
    views = dict(zip(TABLES, of_catalog("catalogTables(undefined, tables).map(latestSql)"), strict=True))
    without_key = of_catalog("catalogTables(undefined, tables.map((table) => ({ ...table, key: [] }))).map(latestSql)")
    for table, snapshot_alone in zip(TABLES, without_key, strict=True):
        expected = [
            (row[0], row[1], "moved", *row[3:]) if table == "image" and row[0] == 1 else row for row in before[table]
        ]
        assert in_order(rows_of(store, views[table])) == in_order(expected)
        assert in_order(rows_of(store, snapshot_alone)) == in_order([tuple(map(plain, row)) for row in lab.rows(table)])
    assert lab.count("transaction") < 40


@pytest.mark.parametrize(
    "mysql",
    [
        *("tinyint", "tinyint(1)", "smallint", "mediumint", "int", "bigint"),
        *("tinyint unsigned", "smallint unsigned", "mediumint unsigned", "int unsigned", "bigint unsigned"),
        *("decimal(4,3)", "decimal(38,30)", "decimal(39,0)", "decimal(65,30)", "float", "double", "bit(1)", "bit(64)"),
        *("date", "time", "time(6)", "year", "datetime", "datetime(6)", "timestamp(3)"),
        *("char(3)", "varchar(9)", "tinytext", "longtext", "enum('a','b')", "set('a')", "json"),
        *("binary(16)", "varbinary(9)", "blob", "geometry", "multipolygon", "geomcollection"),
    ],
)
def test_the_catalog_has_the_types_of_the_files(mysql: str) -> None:
    arrow = str(parse_column_type(mysql, "utf8mb4").arrow)
    hive = ARROW_IN_HIVE.get(arrow) or arrow.replace("decimal128", "decimal").replace(", ", ",")
    assert of_catalog(f"hiveType({json.dumps(mysql)})") == hive


def lines(store: Path) -> dict[str, Any]:
    """Each line of the catalog's folder, by the name of its backup: Athena reads a JSON document a line."""
    files = (store / "v1" / "catalog").iterdir()
    texts = {file.stem: file.read_text() for file in files}
    assert [text.count("\n") for text in texts.values()] == [1] * len(texts)
    return {name: json.loads(text) for name, text in texts.items()}


def lines_of_manifests(store: Path, *names: str) -> dict[str, Any]:
    manifests = {name: json.loads((store / f"v1/_manifests/{name}.json").read_text()) for name in names}
    return {
        name: {field: manifest[field] for field in ("kind", "slot", "run_id", "cutoff", "verified_at")}
        for name, manifest in manifests.items()
    }


def test_a_backup_has_one_line_as_athena_reads_it(lab: Lab, tmp_path: Path) -> None:
    lab.fill(3)
    snapshot(lab.run(), "s1", 60)
    archive(lab.run(), "a1", 2)
    store = tmp_path / "store"
    assert lines(store) == lines_of_manifests(store, "snapshot-s1", "archive-a1")


@pytest.mark.parametrize("slot", ["s1", "s2"])
def test_a_run_adds_the_lines_that_earlier_runs_left_out(lab: Lab, tmp_path: Path, slot: str) -> None:
    """A killed run and 0.1.0 leave none; the next run adds them, also one of a slot that has its backup."""
    store = tmp_path / "store"
    lab.fill(3)
    snapshot(lab.run(), "s1", 60)
    shutil.rmtree(store / "v1" / "catalog")
    shutil.copytree(OLD_MANIFESTS, store / "v1" / "_manifests", dirs_exist_ok=True)
    snapshot(lab.run(), slot, 60)
    names = {f"snapshot-{slot}", "snapshot-s1", *(file.stem for file in OLD_MANIFESTS.iterdir())}
    assert len(names) == (4 if slot == "s1" else 5)
    assert lines(store) == lines_of_manifests(store, *names)
    assert lab.events.of("catalog_incomplete") == []


def test_a_damaged_manifest_is_told_of_and_the_others_have_their_lines(lab: Lab, tmp_path: Path) -> None:
    store = tmp_path / "store"
    lab.fill(1)
    snapshot(lab.run(), "s1", 60)
    (store / "v1/_manifests/snapshot-damaged.json").write_text("{")
    snapshot(lab.run(), "s2", 60)
    assert [event["backup"] for event in lab.events.of("catalog_incomplete")] == ["snapshot-damaged"]
    assert lines(store) == lines_of_manifests(store, "snapshot-s1", "snapshot-s2")
