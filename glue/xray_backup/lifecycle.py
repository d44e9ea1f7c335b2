"""The expiry of objects by a bucket's own lifecycle rules, which are asked for where a file is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class ExpiryRule:
    """An enabled rule of a bucket: its id, the prefix of its keys, and the age that it lets them reach."""

    name: str
    prefix: str
    days: int

    def has_expired(self, key: str, written_at: datetime) -> bool:
        """True where the rule has let this object, by its whole key, expire by now: S3 does so at the next midnight."""
        due = written_at.astimezone(UTC) + timedelta(days=self.days)
        midnight = due.replace(hour=0, minute=0, second=0, microsecond=0)
        if midnight < due:
            midnight += timedelta(days=1)
        return key.startswith(self.prefix) and datetime.now(UTC) >= midnight


def parse_rules(rules: Iterable[Mapping[str, Any]]) -> tuple[ExpiryRule, ...]:
    """The rules that let current versions expire by their age; those with conditions on tags or sizes are left out."""
    found = []
    for rule in rules:
        days = rule.get("Expiration", {}).get("Days")
        condition = rule.get("Filter", {})
        prefix = condition.get("Prefix", rule.get("Prefix", ""))
        if rule["Status"] == "Enabled" and days and set(condition) <= {"Prefix"}:
            found.append(ExpiryRule(str(rule.get("ID", "")), str(prefix), int(days)))
    return tuple(found)
