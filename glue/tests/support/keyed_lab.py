"""A schema with a table of every kind of key: composite, text, binary, date, decimal, none; a tree, a cycle."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.lab import Lab
from tests.support.mysql_server import MySqlServer
from xray_backup.archive_policy import ArchivePolicy
from xray_backup.database_model import EVERY_TABLE
from xray_backup.run import Run
from xray_backup.store import Store

STATEMENTS = {
    # (int, int)
    "pair": "CREATE TABLE pair (a INT NOT NULL, b INT NOT NULL, word VARCHAR(40), PRIMARY KEY (a, b))",
    # A collation by which A is a.
    "visit": "CREATE TABLE visit (ward VARCHAR(20) NOT NULL, number INT NOT NULL, moment DATETIME NOT NULL,"
    " PRIMARY KEY (ward, number))",
    "slide": "CREATE TABLE slide (code VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,"
    " ward VARCHAR(20), number INT, word VARCHAR(40),"
    " CONSTRAINT slide_of_visit FOREIGN KEY (ward, number) REFERENCES visit (ward, number))",
    "stain": "CREATE TABLE stain (code VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
    " part INT NOT NULL,"
    " word VARCHAR(40) NOT NULL, PRIMARY KEY (part, code),"
    " CONSTRAINT stain_of_slide FOREIGN KEY (code) REFERENCES slide (code))",
    "latin": "CREATE TABLE latin (code VARCHAR(30) CHARACTER SET latin1 NOT NULL PRIMARY KEY, word VARCHAR(40))",
    "amount": "CREATE TABLE amount (value DECIMAL(12,3) NOT NULL PRIMARY KEY, word VARCHAR(40))",
    "moment": "CREATE TABLE moment (at DATETIME NOT NULL, word VARCHAR(40), UNIQUE KEY (at))",
    "uuid": "CREATE TABLE uuid (id BINARY(16) NOT NULL PRIMARY KEY, word VARCHAR(40))",
    "day": "CREATE TABLE day (day DATE NOT NULL, at TIME(3) NOT NULL, word VARCHAR(40), PRIMARY KEY (day, at))",
    "kind": "CREATE TABLE kind (kind ENUM('z', 'it''s', 'a,b', 'A') NOT NULL, tags SET('q', 'p') NOT NULL,"
    " n INT NOT NULL, word VARCHAR(40), PRIMARY KEY (kind, tags, n))",
    "big": "CREATE TABLE big (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, word VARCHAR(40))",
    "reading": "CREATE TABLE reading (f FLOAT NOT NULL, d DOUBLE NOT NULL, word VARCHAR(40), PRIMARY KEY (f, d))",
    "stamp": "CREATE TABLE stamp (at TIMESTAMP(6) NOT NULL, bits BIT(12) NOT NULL, y YEAR NOT NULL, word VARCHAR(40),"
    " PRIMARY KEY (at, bits, y))",
    "odd": "CREATE TABLE odd (a VARCHAR(20) CHARACTER SET sjis NOT NULL, b VARCHAR(20) CHARACTER SET utf16 NOT NULL,"
    " c VARBINARY(20) NOT NULL, word VARCHAR(40), PRIMARY KEY (a, b, c))",
    "line": "CREATE TABLE line (word VARCHAR(40), number INT)",
    "tree": "CREATE TABLE tree (name VARCHAR(20) NOT NULL PRIMARY KEY, above VARCHAR(20),"
    " CONSTRAINT tree_above FOREIGN KEY (above) REFERENCES tree (name))",
    "doctor": "CREATE TABLE doctor (name VARCHAR(20) NOT NULL PRIMARY KEY, leads INT)",
    "team": "CREATE TABLE team (team_id INT NOT NULL PRIMARY KEY, head VARCHAR(20) NOT NULL,"
    " CONSTRAINT team_head FOREIGN KEY (head) REFERENCES doctor (name))",
    "parted": "CREATE TABLE parted (day INT NOT NULL, code VARCHAR(10) NOT NULL, word VARCHAR(40),"
    " PRIMARY KEY (day, code)) PARTITION BY RANGE (day)"
    " (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
}
AFTER = ("ALTER TABLE doctor ADD CONSTRAINT doctor_leads FOREIGN KEY (leads) REFERENCES team (team_id)",)
POLICIES = (ArchivePolicy("visit", "moment"),)
ODD = ["ward", "Émile", "it's", "a,b", "back\\slash", "\x1f", "漢😀", "x" * 20, "", "'", '"', "new\nline"]


class KeyedLab(Lab):
    """A lab with these tables."""

    def create_schema(self, foreign_keys: bool = True) -> KeyedLab:
        assert foreign_keys
        with self.server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{self.schema}` CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
            cursor.execute(f"USE `{self.schema}`")
            for statement in (*STATEMENTS.values(), *AFTER):
                cursor.execute(statement)
        return self

    def run(self, command: str = "test", **overrides: Any) -> Run:
        return super().run(command, **({"policies": POLICIES, "tables": EVERY_TABLE} | overrides))

    def insert(self, table: str, rows: list[tuple[Any, ...]], schema: str | None = None) -> None:
        with self.server.connect(schema or self.schema) as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION foreign_key_checks = 0")
            places = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT INTO `{table}` VALUES ({places})", rows)

    def fill(self, *_: Any, **__: Any) -> None:
        """Some dozens of rows in each table; those of `visit` are years old, but for one."""
        self.insert("pair", [(a, b, f"{a}-{b}") for a in range(-3, 6) for b in (-(2**31), 0, 7, 2**31 - 1)])
        wards = ODD
        visits = [(ward, n, f"2022-01-01 00:{n:02}:{p:02}") for p, ward in enumerate(wards) for n in range(4)]
        self.insert("visit", [*visits, ("young", 1, "2040-01-01 00:00:00")])
        slides: list[tuple[Any, ...]] = [(f"{ward}/{n}", ward, n, "ü") for ward, n, _ in visits if n < 3]
        slides += [("A", None, 1, "no visit"), ("a", "ward", None, "no visit"), (" a", None, None, None)]
        self.insert("slide", slides)
        self.insert("stain", [(code, part, ODD[part]) for code, *_ in slides for part in range(3)])
        self.insert("latin", [(f"é{n}ß", str(n)) for n in range(40)])
        self.insert("amount", [(f"{n - 20}.{n:03}", None) for n in range(40)])
        self.insert("moment", [(f"2022-01-{n:02} 10:00:00", None) for n in range(1, 29)])
        self.insert("uuid", [(bytes((n * 37 + p * n) % 256 for p in range(16)), None) for n in range(40)])
        self.insert("day", [(f"20{n:02}-02-01", f"{n - 5}:00:00.{n:03}", None) for n in range(20)])
        kinds = [
            (kind, tags, n, None) for kind in ("z", "it's", "a,b", "A") for tags in ("", "q", "q,p") for n in (1, 2)
        ]
        self.insert("kind", kinds)
        self.insert("big", [(n, None) for n in (*range(20), 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1)])
        numbers = [(0.1 * n, 1 / (n + 3), None) for n in range(-10, 10) if n != -3]
        self.insert("reading", [*numbers, (0, 1e300, None), (0, -1e-300, None)])
        self.insert("stamp", [(f"2022-01-01 00:00:00.{n:06}", n * 99, 1990 + n, None) for n in range(20)])
        self.insert("odd", [("\u30bd" * n, "😀" * n, bytes([0, 255, 39, 92, n] * 3), None) for n in range(12)])
        self.insert("line", [("twice", 1), ("twice", 1), (None, None), (None, None), *((w, None) for w in ODD)])
        self.insert("tree", [("a", "z"), ("b", "a"), ("m", None), ("z", "m"), ("self", "self")])
        self.insert("doctor", [("Ada", 1), ("Bo", None), ("Cy", 2)])
        self.insert("team", [(1, "Cy"), (2, "Ada"), (3, "Bo")])
        self.insert("parted", [(day, f"c{n}", None) for day in (1, 9, 10, 99) for n in range(5)])

    def empty(self, table: str, rows: int | None = None) -> None:
        """Deletes so many rows, or all, whatever references them."""
        with self.server.connect(self.schema) as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION foreign_key_checks = 0")
            cursor.execute(f"DELETE FROM `{table}`{f' LIMIT {rows}' if rows else ''}")

    def content(self, schema: str | None = None) -> dict[str, list[tuple[Any, ...]]]:
        """Every value of every row, in hexadecimal; None for NULL."""
        found = {}
        for table in STATEMENTS:
            columns = self.sql(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
                " ORDER BY ordinal_position",
                (self.schema, table),
            )
            hexes = ", ".join(f"HEX(CAST(`{name}` AS BINARY))" for (name,) in columns)
            rows = self.sql(f"SELECT {hexes} FROM `{schema or self.schema}`.`{table}`")
            found[table] = sorted(rows, key=repr)
        return found


@contextmanager
def keyed_lab(server: MySqlServer, store: Store) -> Iterator[KeyedLab]:
    lab = KeyedLab(server, store, f"keyed_{uuid.uuid4().hex[:8]}")
    lab.create_schema()
    lab.fill()
    try:
        yield lab
    finally:
        lab.drop_schema()
