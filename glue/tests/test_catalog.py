"""The catalog's view `detections`, read by DuckDB over the same files: each row once, whatever was purged."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb

from tests.support.lab import TABLES, Lab
from tests.support.mysql_server import REPOSITORY
from xray_backup.archive import archive
from xray_backup.purge import purge
from xray_backup.snapshot import snapshot

VIEW_MIGRATION = REPOSITORY / "sql" / "migrations" / "V0002__create_detections_view.sql"
PRINT_VIEW = (
    'const { readDataModel } = require("./dist/modules/common/data-model");'
    'const { detectionsSql } = require("./dist/modules/backup/detections-view");'
    "process.stdout.write(detectionsSql(readDataModel()));"
)


def athena_view() -> str:
    """The view's SQL as the BackupCatalog construct writes it."""
    return subprocess.run(["node", "-e", PRINT_VIEW], cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout


def detections(store: Path) -> list[tuple[Any, ...]]:
    """The rows of the view. Athena names a row's file `$path`, DuckDB `filename`; the rest of the SQL is the same."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for kind in ("snapshot", "archive"):
            for table in TABLES:
                files = f"{store}/v1/{kind}/{table}/**/*.parquet"
                connection.execute(
                    f'CREATE VIEW {kind}_{table} AS SELECT * EXCLUDE (filename), filename AS "$path"'
                    f" FROM read_parquet('{files}', filename = true, hive_partitioning = false)"
                )
        connection.execute(f"CREATE VIEW manifests AS SELECT * FROM read_json('{store}/v1/_manifests/*.json')")
        return [tuple(map(plain, row)) for row in connection.execute(athena_view()).fetchall()]


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


def test_a_manifest_is_one_line_as_athena_reads_it(lab: Lab, tmp_path: Path) -> None:
    lab.fill(1)
    snapshot(lab.run(), "s1", 60)
    (manifest,) = (tmp_path / "store" / "v1" / "_manifests").iterdir()
    assert manifest.read_bytes().count(b"\n") == 1
