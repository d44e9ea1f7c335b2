"""Tables and columns whose names hold any character that MySQL takes: the whole life of a backup."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.support.lab import Lab
from tests.support.mysql_server import MySqlServer
from xray_backup.archive import archive
from xray_backup.archive_policy import ArchivePolicy
from xray_backup.comparison import compare
from xray_backup.data_model import DataModel, Table, parse_data_model, quoted
from xray_backup.database_model import EVERY_TABLE
from xray_backup.listing import list_backups
from xray_backup.manifest_store import load_manifest
from xray_backup.purge import purge
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.store import Store
from xray_backup.verification import verify


def model_of(name: str) -> DataModel:
    """A parent that is kept, an anchor and its child; all tables and columns have `name` in theirs."""
    key, parent, moment, word = (f"{name}{suffix}" for suffix in ("", "p", "m", "w"))
    tables = name.replace("/", "")

    def columns(*kinds: tuple[str, str]) -> list[dict[str, object]]:
        return [{"name": column, "type": kind, "nullable": column == word} for column, kind in kinds]

    def reference(table: str) -> dict[str, object]:
        return {"name": "k" + table[-1], "columns": [parent], "table": table, "referencedColumns": [key]}

    return parse_data_model(
        {
            "tables": [
                {"name": f"{tables}1", "key": [key], "columns": columns((key, "int"), (word, "varchar(90)"))},
                {
                    "name": f"{tables}2",
                    "key": [key],
                    "foreignKeys": [reference(f"{tables}1")],
                    "columns": columns((key, "int"), (parent, "int"), (moment, "datetime")),
                },
                {
                    "name": f"{tables}3",
                    "key": [key],
                    "foreignKeys": [reference(f"{tables}2")],
                    "columns": columns((key, "int"), (parent, "int"), (word, "varchar(90)")),
                },
            ]
        }
    )


def _create_table(table: Table) -> str:
    lines = [f"{c.quoted} {c.type.mysql}{'' if c.nullable else ' NOT NULL'}" for c in table.columns]
    lines.append(f"PRIMARY KEY ({table.quoted_key})")
    lines += [
        f"FOREIGN KEY ({quoted(key.columns[0])}) REFERENCES {quoted(key.table)} ({quoted(key.referenced_columns[0])})"
        for key in table.foreign_keys
    ]
    return f"CREATE TABLE {table.quoted} ({', '.join(lines)})"


class NamesLab(Lab):
    """A lab with the tables of a model of the test's own."""

    model: DataModel

    def make(self, model: DataModel) -> NamesLab:
        self.make_schema(model)
        kept, anchor, child = model.tables
        self.sql(f"INSERT INTO {kept.quoted} VALUES (1, 'a'), (2, NULL)")
        self.sql(f"INSERT INTO {anchor.quoted} VALUES (1, 1, '2022-01-01'), (2, 2, '2022-01-02'), (3, 1, '2022-01-03')")
        self.sql(f"INSERT INTO {child.quoted} VALUES (1, 1, 'x'), (2, 1, ''), (3, 2, NULL), (4, 3, '%s')")
        return self

    def make_schema(self, model: DataModel) -> None:
        self.model = model
        self.server.make_schema(self.schema, map(_create_table, model.tables))

    def run(self, command: str = "test", **overrides: Any) -> Any:
        policies = [
            ArchivePolicy(table.name, column.name)
            for table in self.model.tables
            for column in table.columns
            if column.type.is_time
        ]
        return super().run(command, **({"policies": tuple(policies), "tables": EVERY_TABLE} | overrides))

    def everything(self, schema: str | None = None) -> list[object]:
        return [
            self.sql(f"SELECT * FROM {quoted(schema or self.schema)}.{t.quoted} ORDER BY {t.quoted_key}")
            for t in self.model.tables
        ]


@pytest.mark.parametrize(
    "name",
    [
        "a`b", "%s", "%(a)s %d", "'\"\\", " a,b;c\td\x1fe\u2028", "ü日e\u0301",
        "\u202e${a}{b}=#--/*", ".a", "[a]", ")", "0",
        "PRIMARY KEY (`a`)", "CONSTRAINT `a` FOREIGN KEY (", "`), KEY `a` (`", "numbers", "texts", "row_count",
        "A" * 53,
    ],
)  # fmt: skip
def test_any_name(server: MySqlServer, folder_store: Store, name: str) -> None:
    lab = NamesLab(server, folder_store, f"names_{uuid.uuid4().hex[:8]}").make(model_of(name))
    try:
        before = lab.everything()
        snapshot(lab.run(), "s", 60)
        archive(lab.run(), "a", 2)
        assert [(item.name, item.damage) for item in list_backups(folder_store)] == [
            ("archive-a", None), ("snapshot-s", None),
        ]  # fmt: skip
        manifest = load_manifest(folder_store, "snapshot-s")
        verify(lab.run(), manifest)
        for difference in compare(lab.run(), manifest).values():
            assert not difference.changed + difference.only_in_backup + difference.only_in_database
        assert list(purge(lab.run(), 2, 100, 0.0).rows.values()) == [2, 3]
        restore(lab.run(), ["archive-a"], None, Selection())
        assert lab.everything() == before
        restore(lab.run(), ["snapshot-s"], f"{lab.schema}_other", Selection())
        assert lab.everything(f"{lab.schema}_other") == before
    finally:
        lab.drop_schemas("names\\_%")
