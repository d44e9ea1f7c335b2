"""The data model and its column types: what is accepted, what is refused, in what words."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

import xray_backup
from xray_backup.archive_policy import policy_scopes
from xray_backup.column_types import parse_column_type
from xray_backup.data_model import X_RAY, parse_data_model
from xray_backup.job_contract import X_RAY_POLICIES

PACKAGE = Path(xray_backup.__file__).parent
DOCUMENT: dict[str, Any] = json.loads((PACKAGE / "data_model.json").read_text())


def changed(**table: Any) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    document["tables"][1] |= table
    return document


def reference(**key: Any) -> dict[str, Any]:
    return {**DOCUMENT["tables"][1]["foreignKeys"][0], **key}


def test_the_tables_parents_first_with_the_anchor_and_its_descendants() -> None:
    assert [table.name for table in X_RAY.tables] == ["image", "transaction", "pred_bounding_box"]
    (scope,) = policy_scopes(X_RAY, X_RAY_POLICIES)
    assert [table.name for table in scope.purged] == ["transaction", "pred_bounding_box"]
    assert [table.name for table in scope.ancestors] == ["image"]


def test_no_other_module_names_a_table_or_a_column() -> None:
    names = {table.name for table in X_RAY.tables} | {column.name for table in X_RAY.tables for column in table.columns}
    # Words that also mean something else: an image, a database transaction, a point in time, a bucket, a folder.
    names -= {"image", "transaction", "time", "bucket", "folder"}
    for module in PACKAGE.glob("*.py"):
        assert not [name for name in names if name in module.read_text()], module.name


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (changed(key=["id"]), "table 'transaction' has no column 'id'"),
        (changed(foreignKeys=[reference(table="nobody")]), "of table 'transaction' references what is not there"),
        (changed(foreignKeys=[reference(referencedColumns=["id"])]), "references what is not there"),
        (changed(foreignKeys=[reference(columns=["id"])]), "table 'transaction' has no column 'id'"),
        (changed(name="../x"), "table '../x' must not hold a slash or be a dot: its name is that of a folder"),
        (changed(name="a\nb"), r"the name 'a\\nb' must not hold a line break"),
    ],
)
def test_a_wrong_model_is_refused(document: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_data_model(document)


@pytest.mark.parametrize("text", ["vector(3)", "uuid", "inet6", "decimal", "varchar", "int signed"])
def test_a_type_that_cannot_be_proved_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be backed up"):
        parse_column_type(text)


def test_the_digest_changes_with_every_column() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["tables"][2]["columns"][3]["type"] = "decimal(5,3)"
    assert parse_data_model(document).digest != X_RAY.digest
    assert parse_data_model(copy.deepcopy(DOCUMENT)).digest == X_RAY.digest
