"""Archive policies: the table whose rows grow old, its time column, and all that goes with such a row."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from xray_backup.data_model import Column, DataModel, ForeignKey, Table
from xray_backup.errors import UsageError


@dataclass(frozen=True)
class ArchivePolicy:
    """Rows of `anchor` go by their `time_column`, with their descendants.

    `descendants` are the tables whose rows go with them; without it, every table whose foreign keys lead to the anchor.
    Rows of another table that reference theirs keep them. `older_than_days` is the policy's own age, in days; without
    it the age is the run's.
    """

    anchor: str
    time_column: str
    descendants: tuple[str, ...] | None = None
    older_than_days: int | None = None

    @property
    def named_tables(self) -> tuple[str, ...]:
        """The anchor, and the descendants that the policy names."""
        return (self.anchor, *(self.descendants or ()))

    def __str__(self) -> str:
        descendants = "".join(f"+{name}" for name in self.descendants or ())
        age = "" if self.older_than_days is None else f"={self.older_than_days}"
        return f"{self.anchor}.{self.time_column}{descendants}{age}"


_POLICY = re.compile(r"([^.=+,`]+)\.([^.=+,`]+)((?:\+[^.=+,`]+)*)(?:=(\d{1,5}))?")


def parse_policies(text: str) -> tuple[ArchivePolicy, ...]:
    """The policies that `text` names: `anchor.time_column[+descendant…][=days]`, commas between; or `none`.

    Raises:
        ValueError: a policy is written otherwise, or one anchor is named twice.
    """
    if text == "none":
        return ()
    policies = []
    for part in text.split(","):
        found = _POLICY.fullmatch(part)
        if not found:
            raise ValueError(part)
        descendants = tuple(found[3].split("+")[1:]) or None
        policies.append(ArchivePolicy(found[1], found[2], descendants, int(found[4]) if found[4] else None))
    if len({policy.anchor for policy in policies}) < len(policies):
        raise ValueError(text)
    return tuple(policies)


@dataclass(frozen=True)
class PolicyScope:
    """The tables of one model that a policy reaches.

    `owners` has the foreign key by which each descendant's rows belong to the anchor's.
    """

    model: DataModel
    policy: ArchivePolicy
    owners: Mapping[str, ForeignKey]

    @cached_property
    def anchor(self) -> Table:
        """The table whose time column decides what is old."""
        return self.model.table(self.policy.anchor)

    @property
    def time_column(self) -> Column:
        """The column that tells how old a row is."""
        return self.anchor.column(self.policy.time_column)

    @cached_property
    def purged(self) -> Sequence[Table]:
        """The anchor and its descendants, parents first."""
        return [self.anchor, *(self.model.table(name) for name in self.owners)]

    @cached_property
    def ancestors(self) -> Sequence[Table]:
        """The tables that these reference, and those that they do: kept, and needed before the rows of a restore."""
        names = {table.name for table in self.purged}
        reached: set[str] = set()
        new = set(names)
        while new:
            new = {key.table for name in new for key in self.model.table(name).foreign_keys} - names - reached
            reached |= new
        return [table for table in self.model.tables if table.name in reached]

    def is_same_in(self, model: DataModel) -> bool:
        """True where `model` has the purged tables as they are in this one: their rows can be told from each other."""
        others = {table.name: table for table in model.tables}
        return all(
            table.name in others and (table.key, table.columns) == (others[table.name].key, others[table.name].columns)
            for table in self.purged
        )

    def path_to_anchor(self, table: Table) -> Sequence[Table]:
        """`table`, its owner and so on up to the anchor, both ends included."""
        path = [table]
        while path[-1].name != self.anchor.name:
            path.append(self.model.table(self.owners[path[-1].name].table))
        return path


def policy_scopes(model: DataModel, policies: Sequence[ArchivePolicy]) -> Sequence[PolicyScope]:
    """The scope of each policy.

    Raises:
        UsageError: a policy cannot be followed in this model, or two reach one table.
    """
    scopes = [_scope(model, policy) for policy in policies]
    reached: dict[str, ArchivePolicy] = {}
    for scope in scopes:
        for table in scope.purged:
            if other := reached.get(table.name):
                raise UsageError(
                    f"table {table.name} is reached by two policies, {other} and {scope.policy}: one table's rows can"
                    " go by one policy"
                )
            reached[table.name] = scope.policy
    return scopes


def scope_of_row(model: DataModel, policies: Sequence[ArchivePolicy], name: str) -> PolicyScope | None:
    """All that belongs to a row of table `name`, whatever its age; None without such a table.

    The descendants are those of the policy that reaches the table; without one, every table whose foreign keys lead to
    it.

    Raises:
        UsageError: the rows that belong to one of it cannot be told.
    """
    anchor = next((table for table in model.tables if table.name == name), None)
    if anchor is None:
        return None
    below = _below(model, anchor)
    names = {table.name for table in model.tables}
    for scope in policy_scopes(model, [policy for policy in policies if names.issuperset(policy.named_tables)]):
        purged = {table.name for table in scope.purged}
        if name in purged or scope.anchor.name in below:
            above = {table.name for table in scope.ancestors}
            below &= purged | above
            break
    # An empty tuple: no descendant; None would be all.
    policy = ArchivePolicy(name, "", tuple(sorted(below)))
    # One row of a table that references itself can go by itself, where no other references it.
    own = tuple(key for key in anchor.foreign_keys if key.table != name)
    try:
        return PolicyScope(model, policy, _owners(model, policy, replace(anchor, foreign_keys=own)))
    except UsageError as error:
        reason = str(error).partition(": ")[2]
        raise UsageError(f"what belongs to a row of {name} cannot be told: {reason}") from None


def _below(model: DataModel, anchor: Table) -> set[str]:
    """The tables whose foreign keys lead to the anchor, without those of a cycle with it."""
    found: set[str] = set()
    new = {anchor.name}
    while new:
        new = {child.name for name in new for child, _ in model.children(model.table(name))} - found - {anchor.name}
        found |= new
    return found


def _scope(model: DataModel, policy: ArchivePolicy) -> PolicyScope:
    anchor = next((table for table in model.tables if table.name == policy.anchor), None)
    if anchor is None:
        known = ", ".join(table.name for table in model.tables)
        raise UsageError(f"policy {policy}: the schema has no table {policy.anchor!r}; it has {known}")
    time_column = next((column for column in anchor.columns if column.name == policy.time_column), None)
    if time_column is None or not time_column.type.is_time:
        got = f"{time_column.type.mysql}" if time_column else "not there"
        raise UsageError(
            f"policy {policy}: column {policy.time_column!r} of table {anchor.name} is {got}: a date, datetime or"
            " timestamp is needed"
        )
    return PolicyScope(model, policy, _owners(model, policy, anchor))


def _owners(model: DataModel, policy: ArchivePolicy, anchor: Table) -> dict[str, ForeignKey]:
    """The descendants of the anchor, each after its owner."""
    names = {anchor.name}
    while new := _children(model, names, policy.descendants) - names:
        names |= new
    if missing := set(policy.descendants or ()) - names:
        raise UsageError(f"policy {policy}: no table {min(missing)!r} has a foreign key that leads to {anchor.name}")
    left = {name: model.table(name) for name in sorted(names - {anchor.name})}
    owners: dict[str, ForeignKey] = {}
    _check(policy, anchor, any(key.table in names for key in anchor.foreign_keys))
    while left:
        ready = [t for t in left.values() if not any(key.table in left for key in t.foreign_keys)]
        _check(policy, next(iter(left.values())), not ready)
        for table in ready:
            _check(policy, table, is_in_cycle=False)
            owners[table.name] = _owner(policy, model, table, names)
            del left[table.name]
    return owners


def _children(model: DataModel, names: set[str], wanted: Collection[str] | None) -> set[str]:
    children = {child.name for name in names for child, _ in model.children(model.table(name))}
    return children if wanted is None else children.intersection(wanted)


def _check(policy: ArchivePolicy, table: Table, is_in_cycle: bool) -> None:
    if not table.key:
        raise UsageError(f"policy {policy}: table {table.name} has no key, so none of its rows can be purged")
    if is_in_cycle:
        raise UsageError(
            f"policy {policy}: the foreign keys of table {table.name} lead back to it, so no order of deletes is right"
        )


def _owner(policy: ArchivePolicy, model: DataModel, table: Table, names: set[str]) -> ForeignKey:
    """The foreign key to a purged table's key that every row has, or else the first one."""
    keys = [
        key
        for key in table.foreign_keys
        if key.table in names and sorted(key.referenced_columns) == sorted(model.table(key.table).key)
    ]
    if not keys:
        raise UsageError(
            f"policy {policy}: table {table.name} references another column than the key of its parent, by which a"
            " purge finds its rows"
        )
    return min(keys, key=lambda key: any(table.column(name).nullable for name in key.columns))
