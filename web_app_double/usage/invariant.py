"""Holds the journal against database and archives, by none of the backup package's code.

Run as `python -m usage.invariant`; the last line of its output is a JSON object, the exit code 1 where the invariant
does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb
import pymysql

from usage.journal import TABLES, Row, as_text, read_journal
from xray_web_app.target import Target

Key = tuple[str, str]
"""Table and key of a row."""
Rows = Mapping[Key, Row]
PURGED = ("transaction", "pred_bounding_box")
"""Tables whose rows are purged; rows of the others stay, and an archive holds copies of them."""


@dataclass
class Finding:
    """The fate of all rows; every number of a fault must be 0."""

    committed: int = 0
    in_database: int = 0
    in_one_archive: int = 0
    in_both_until_purged: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    def fault(self, name: str, key: Key) -> None:
        """Counts a fault; the first few are named by table and key."""
        self.faults[name] = self.faults.get(name, 0) + 1
        if len(self.examples) < 20:
            self.examples.append(f"{name}: {key[0]} {key[1]}")


@dataclass(frozen=True)
class Archives:
    """All rows of each table over all archives: a row that two hold is there twice.

    `waiting` are those in an archive that no purge has gone through to its end.
    """

    rows: Mapping[str, list[Row]] = field(default_factory=dict)
    waiting: Set[Key] = frozenset()


def check_invariant(journal: Iterable[tuple[str, Row]], database: Rows, archives: Archives) -> Finding:
    """Every row that was ever committed is in the database or in exactly one archive, once, with the values it had.

    Args:
        journal: table and row of each commit.
        database: the rows that are there.
        archives: all of them; a row that waits for its purge is in the database as well.
    """
    finding = Finding()
    committed: dict[Key, Row] = {}
    for table, row in journal:
        if (table, row[0]) in committed:
            finding.fault("committed twice under one key", (table, row[0]))
        committed[(table, row[0])] = row
    finding.committed = len(committed)
    copies: Counter[Key] = Counter()
    for table, rows in archives.rows.items():
        for row in rows:
            key = (table, row[0])
            copies[key] += 1
            if key not in committed:
                finding.fault("archived, never committed", key)
            elif committed[key] != row:
                finding.fault("changed in an archive", key)
    for key, row in database.items():
        if key not in committed:
            finding.fault("in the database, never committed", key)
        elif committed[key] != row:
            finding.fault("changed in the database", key)
    for key in committed:
        here, archived = key in database, copies[key]
        if here:
            finding.in_database += 1
        if key[0] not in PURGED:
            if not here:
                finding.fault("lost", key)
            continue
        if archived > 1:
            finding.fault("in several archives", key)
        elif not here and archived == 0:
            finding.fault("lost", key)
        elif not here:
            finding.in_one_archive += 1
        elif key in archives.waiting:
            finding.in_both_until_purged += 1
        elif archived:
            finding.fault("in the database after its purge", key)
    return finding


def read_database(target: Target, schema: str, user: str) -> dict[Key, Row]:
    """All rows of the three tables of a schema."""
    login = target.login(user)
    found: dict[Key, Row] = {}
    with pymysql.connect(
        host=login["host"],
        port=int(login["port"]),
        user=login["username"],
        password=login["password"],
        database=schema,
        ssl_ca=target.ssl_ca,
        ssl_verify_identity=True,
    ) as connection:
        for table in TABLES:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM `{table}`")
                found |= {(table, str(row[0])): as_text(row) for row in cursor.fetchall()}
    return found


def read_archives(target: Target) -> Archives:
    """The rows of every Parquet file that the manifest of an archive names."""
    s3 = target.client("s3")
    rows: dict[str, list[Row]] = {table: [] for table in TABLES}
    waiting: set[Key] = set()
    root = f"{target.backup_prefix}/"

    def names(folder: str) -> list[str]:
        """Of the archives' documents in a folder of the store."""
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=target.bucket, Prefix=f"{root}{folder}archive-")
        return [Path(item["Key"]).name for page in pages for item in page.get("Contents", [])]

    purged = set(names("v1/_purges/finished/"))
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(names("v1/_manifests/")):
            manifest = json.load(s3.get_object(Bucket=target.bucket, Key=f"{root}v1/_manifests/{name}")["Body"])
            for table, content in manifest["tables"].items():
                for file in content["files"]:
                    path = Path(folder) / f"{number}-{table}-{Path(file['key']).name}"
                    s3.download_file(target.bucket, root + file["key"], str(path))
                    found = read_parquet(path)
                    rows[table] += found
                    if name not in purged:
                        waiting |= {(table, row[0]) for row in found}
    return Archives(rows, waiting)


def read_parquet(path: Path) -> list[Row]:
    """The rows of one file; times have no zone there, as in the database."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    return [as_text(row) for row in found]


def main() -> int:
    """Prints the finding; 1 where a row is not where it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--start", action="store_true", help="only begin a journal with the rows that are there")
    parser.add_argument("--restored", metavar="SCHEMA", help="check this restored schema alone")
    options = parser.parse_args()
    target = Target.load(options.target)
    if options.start:
        rows = read_database(target, "x_ray", "xray_app")
        lines = (f"{json.dumps([table, *row])}\n" for (table, _), row in rows.items())
        options.journal.write_text("".join(lines), encoding="utf-8")
        return 0
    if options.restored:
        restored = read_database(target, options.restored, "xray_restore")
        finding = check_invariant(read_journal(options.journal), restored, Archives())
    else:
        # The journal last: what is committed meanwhile is no row that nobody sent.
        database, archives = read_database(target, "x_ray", "xray_app"), read_archives(target)
        finding = check_invariant(read_journal(options.journal), database, archives)
    print(json.dumps(asdict(finding)))  # noqa: T201
    return 1 if finding.faults else 0


if __name__ == "__main__":
    sys.exit(main())
