"""A purge packs its rows into chunks, loses none, and names them to MySQL exactly."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray_backup.data_model import X_RAY
from xray_backup.keys import keys_condition
from xray_backup.purge_units import Block, UnitRows

anchor, child = X_RAY.tables[1:]
children_of_units = st.lists(st.sets(st.integers(0, 1000), max_size=30).map(sorted), min_size=1, max_size=200)


def block_of(units: dict[int, list[int]]) -> Block:
    anchors = np.array(list(units), np.int64)
    pairs = [(unit, key) for unit, keys in units.items() for key in keys]
    of_child = np.array([unit for unit, _ in pairs], np.int64)
    keys = np.array([key for _, key in pairs], np.int64)
    return Block(
        (
            UnitRows(anchor, anchors, anchors, pa.array([b"%d" % key for key in units], pa.binary())),
            UnitRows(child, of_child, keys, pa.array([b"%d" % key for _, key in pairs], pa.binary())),
        )
    )


@given(children_of_units, st.integers(1, 100))
def test_chunks_hold_every_unit_once_in_order_and_keep_their_size(children: list[list[int]], limit: int) -> None:
    units = dict(enumerate(children, start=100))
    seen: list[int] = []
    for chunk in block_of(units).chunks(limit):
        of_anchor, of_child = chunk.rows
        mine = of_anchor.keys.tolist()
        seen += mine
        assert (chunk.first_key, chunk.last_key, len(chunk)) == (mine[0], mine[-1], len(mine))
        assert len(mine) == 1 or len(of_anchor) + len(of_child) <= limit
        expected = sorted(key for unit in mine for key in units[unit])
        assert of_child.keys.tolist() == expected
        # Each text stays with its key.
        assert of_child.texts.to_pylist() == [b"%d" % key for key in expected]
        if len(chunk) > 1:
            first, second = chunk.halves()
            assert first.rows[0].keys.tolist() + second.rows[0].keys.tolist() == mine
    assert seen == list(units)


@given(children_of_units, st.integers(1, 50), st.integers(1, 100))
def test_parts_hold_every_row_once_and_keep_their_size(children: list[list[int]], rows: int, size: int) -> None:
    units = dict(enumerate(children, start=100))
    block = block_of(units)
    _, of_child = block.units(0, len(units))
    seen: list[int] = []
    for start, end in of_child.parts(rows, size):
        part = of_child.slice(start, end)
        seen += part.keys.tolist()
        assert len(part) == 1 or (len(part) <= rows and sum(map(len, part.texts.to_pylist())) <= size)
    assert seen == of_child.keys.tolist()


@given(st.sets(st.integers(-50, 50), min_size=1).map(sorted))
def test_a_condition_names_exactly_the_keys(keys: list[int]) -> None:
    named: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xray_backup.keys.KEYS_WORTH_A_RANGE", 3)
        condition = keys_condition(["`id`"], np.array(keys, np.int64))
    for part in condition.split(" OR "):
        if bounds := re.fullmatch(r"`id` BETWEEN (-?\d+) AND (-?\d+)", part):
            named += range(int(bounds[1]), int(bounds[2]) + 1)
        else:
            listed = re.fullmatch(r"`id` IN \((.*)\)", part)
            assert listed
            named += map(int, listed[1].split(", "))
    assert sorted(named) == keys
