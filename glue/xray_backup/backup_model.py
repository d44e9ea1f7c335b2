"""The data model that a backup was made with, which may be older than this package's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xray_backup.column_definition import parse_columns
from xray_backup.column_types import parse_column_type
from xray_backup.data_model import Column, DataModel, Table
from xray_backup.errors import UsageError


def model_of_backup(name: str, digest: str, statements: Mapping[str, str | None], model: DataModel) -> DataModel:
    """`model` with the columns of then, from the CREATE TABLE statements of backup `name`.

    Args:
        name: the backup.
        digest: of the data model that it was made with.
        statements: by table.
        model: this package's.

    Raises:
        UsageError: the model of then cannot be told from these: there is no statement, or more than columns differs.
    """
    if digest == model.digest:
        return model
    try:
        tables = tuple(
            _table_of_then(table, statements[table.name]) for table in model.tables if table.name in statements
        )
        found = DataModel(tables)
    except ValueError:
        found = None
    if found is None or found.digest != digest:
        raise UsageError(
            f"{name} is of another data model ({digest}, this package has {model.digest}): "
            "use the version of the package that wrote it"
        )
    return found


def _table_of_then(table: Table, statement: str | None) -> Table:
    if statement is None:
        raise ValueError("no statement")
    columns = (Column(c.name, parse_column_type(c.type), c.nullable) for c in parse_columns(statement))
    return replace(table, columns=tuple(columns))
