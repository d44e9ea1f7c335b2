"""The data model of a backup of before manifests held one: that of the X-ray tables, with the columns of then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xray_backup.column_definition import parse_columns
from xray_backup.column_types import parse_column_type
from xray_backup.data_model import X_RAY, Column, DataModel, Table
from xray_backup.errors import VerificationError


def model_of_digest(name: str, digest: str, statements: Mapping[str, str | None]) -> DataModel:
    """The X-ray model with the columns of then, from the CREATE TABLE statements of backup `name`, by table.

    Raises:
        VerificationError: the model of then cannot be told from these: one is missing, or more than columns differs.
    """
    if digest == X_RAY.digest:
        return X_RAY
    try:
        tables = tuple(
            _table_of_then(table, statements[table.name]) for table in X_RAY.tables if table.name in statements
        )
        found = DataModel(tables)
    except ValueError:
        found = None
    if found is None or found.digest != digest:
        raise VerificationError(
            f"{name} is of another data model ({digest}, this package has {X_RAY.digest}): "
            "use the version of the package that wrote it"
        )
    return found


def _table_of_then(table: Table, statement: str | None) -> Table:
    if statement is None:
        raise ValueError("no statement")
    columns = (Column(c.name, parse_column_type(c.type), c.nullable) for c in parse_columns(statement))
    return replace(table, columns=tuple(columns))
