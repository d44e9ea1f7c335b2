"""What a purge may delete is packed into chunks that lose no row, and named to MySQL exactly."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from xray_backup.fingerprint import Fingerprint
from xray_backup.key_set import KeySet
from xray_backup.purge_units import Group, Rows, chunks, merged


def rows_of(keys_by_anchor: dict[int, list[int]]) -> Rows:
    pairs = [(anchor, key) for anchor, keys in keys_by_anchor.items() for key in keys]
    if not pairs:
        return Rows()
    keys = [key for _, key in pairs]
    listed = ",".join(map(str, keys))
    return Rows(
        KeySet(min(keys), max(keys), len(keys), listed),
        Fingerprint(len(keys), sum(keys)),
        ",".join(str(anchor) for anchor, _ in pairs),
        listed,
    )


def group_of(children: dict[int, list[int]]) -> Group:
    return Group((rows_of({anchor: [anchor] for anchor in children}), rows_of(children)))


children_of_units = st.lists(st.sets(st.integers(0, 1000), max_size=30).map(sorted), max_size=200)


@given(children_of_units, st.integers(1, 100), st.integers(1, 20))
def test_chunks_hold_every_unit_once_in_order_and_keep_their_size(
    children: list[list[int]], limit: int, per_group: int
) -> None:
    units = dict(enumerate(children, start=100))
    anchors = list(units)
    sent = [
        group_of({anchor: units[anchor] for anchor in anchors[start : start + per_group]})
        for start in range(0, len(anchors), per_group)
    ]
    packed = list(chunks(sent, limit))
    assert [unit for chunk in packed for group in chunk for unit in group.apart()] == [
        group_of({anchor: keys}) for anchor, keys in units.items()
    ]
    for chunk in packed:
        of_anchors, of_children = merged(chunk)
        assert of_anchors.keys.count == 1 or of_anchors.keys.count + of_children.keys.count <= limit
        mine = range(of_anchors.keys.first, of_anchors.keys.last + 1)
        assert of_anchors.keys.listed == ",".join(map(str, mine))
        expected = rows_of({anchor: units[anchor] for anchor in mine})
        assert (of_children.keys, of_children.fingerprint) == (expected.keys, expected.fingerprint)


def test_a_row_of_a_unit_that_is_not_in_the_group_is_in_no_unit() -> None:
    group = Group((rows_of({1: [1], 2: [2]}), rows_of({1: [10, 11], 3: [12]})))
    assert group.apart() == [group_of({1: [10, 11]}), group_of({2: []})]


@given(st.sets(st.integers(-50, 50), min_size=1).map(sorted))
def test_a_condition_names_exactly_the_keys(keys: list[int]) -> None:
    condition = KeySet(keys[0], keys[-1], len(keys), ",".join(map(str, keys))).condition("id")
    if bounds := re.fullmatch(r"`id` BETWEEN (-?\d+) AND (-?\d+)", condition):
        assert list(range(int(bounds[1]), int(bounds[2]) + 1)) == keys
    else:
        assert condition == f"`id` IN ({','.join(map(str, keys))})"
