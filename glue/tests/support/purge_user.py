"""A database user with exactly the rights that the constructs give to the purge job's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.support.lab import Lab

RIGHTS = {
    "`{schema}`.`transaction`": "SELECT, DELETE, TRIGGER",
    "`{schema}`.pred_bounding_box": "SELECT, DELETE, TRIGGER",
    "*.*": "REFERENCES",
}
# Of release 0.1.0.
RIGHTS_0_1_0 = {f"`{{schema}}`.{table}": "SELECT, DELETE" for table in ("image", "`transaction`", "pred_bounding_box")}


@contextmanager
def purge_user(lab: Lab, rights: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
    """Gives the user's name and password, as `Lab.database` and `Lab.options` take them."""
    user = f"purge_{lab.schema[-8:]}"
    lab.sql(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'purge'")
    try:
        grant(lab, user, RIGHTS if rights is None else rights)
        yield {"username": user, "password": "purge"}
    finally:
        lab.sql(f"DROP USER '{user}'@'%'")


def grant(lab: Lab, user: str, rights: Mapping[str, str]) -> None:
    """Gives the user these rights, by what they are on."""
    for target, right in rights.items():
        lab.sql(f"GRANT {right} ON {target.format(schema=lab.schema)} TO '{user}'@'%'")
