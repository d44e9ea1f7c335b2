"""Rights of the connected user that no statement can be asked for, as SHOW GRANTS lists them, its active roles' too."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from xray_backup.database import Connection, query

# Every schema or every table; no name is empty, and one may be an asterisk.
_EVERY = ""
_NAME = r"(\*|`(?:[^`]|``)*`)"
_LINE = re.compile(rf"(GRANT|REVOKE) (.+?) ON (?:TABLE )?{_NAME}\.{_NAME} (?:TO|FROM) .*", re.S)
# A right on some columns of a table is none on the table.
_OF_COLUMNS = re.compile(r"[^,(]+\([^)]*\)")
# Schemas of the server itself, whose tables reference none of ours.
_SYSTEM_SCHEMAS = frozenset({"mysql", "sys", "performance_schema", "information_schema"})


@dataclass(frozen=True)
class Grants:
    """Rights as triples of right, schema and table; `revoked` are the schemas that a right on all leaves out."""

    given: frozenset[tuple[str, str, str]]
    revoked: frozenset[tuple[str, str]]

    def on_every_table(self, right: str) -> bool:
        """True where the user has `right` on every table of every schema, those to come included."""
        taken = {schema for revoked, schema in self.revoked if revoked in (right, "ALL PRIVILEGES")}
        return self._has(right, _EVERY, _EVERY) and taken <= _SYSTEM_SCHEMAS

    def on_table(self, right: str, schema: str, table: str) -> bool:
        """True where the user has `right` on the table; a schema that is granted by a pattern does not count."""
        everywhere = self._has(right, _EVERY, _EVERY) and not self._is_revoked(right, schema)
        return everywhere or self._has(right, schema, _EVERY) or self._has(right, schema, table)

    def on_schema(self, right: str, schema: str) -> bool:
        """True where the user has `right` on all of the schema; one that is granted by a pattern does not count."""
        return self.on_table(right, schema, _EVERY)

    def _has(self, right: str, schema: str, table: str) -> bool:
        return any((name, schema, table) in self.given for name in (right, "ALL PRIVILEGES"))

    def _is_revoked(self, right: str, schema: str) -> bool:
        return any((name, schema) in self.revoked for name in (right, "ALL PRIVILEGES"))


def read_grants(connection: Connection) -> Grants:
    """The rights of the connected user."""
    return parse_grants(line for (line,) in query(connection, "SHOW GRANTS"))


def parse_grants(lines: Iterable[str]) -> Grants:
    """The rights that these lines of SHOW GRANTS name; a line that is no right on tables gives none."""
    given, revoked = set(), set()
    for line in lines:
        if not (found := _LINE.fullmatch(line)):
            continue
        schema, table = _plain(found[3]).replace("\\", ""), _plain(found[4])
        for right in _OF_COLUMNS.sub("", found[2]).split(","):
            if found[1] == "GRANT":
                given.add((right.strip(), schema, table))
            else:
                revoked.add((right.strip(), schema))
    return Grants(frozenset(given), frozenset(revoked))


def _plain(name: str) -> str:
    return _EVERY if name == "*" else name[1:-1].replace("``", "`")
