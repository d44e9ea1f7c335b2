"""A server whose settings are against us: the whole life of a backup, in sessions of our own."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pymysql
import pytest

from tests.support.mysql_server import MySqlServer
from tests.support.odd_model import LOOSE, MODEL, OddLab, odd_lab
from tests.test_odd_identifiers import NamesLab
from xray_backup import range_copy
from xray_backup.archive import archive
from xray_backup.comparison import compare
from xray_backup.data_model import parse_data_model
from xray_backup.errors import BackupError
from xray_backup.key_range import KeyRange
from xray_backup.manifest_store import load_manifest
from xray_backup.purge import purge
from xray_backup.range_copy import RangeCopy, copy_range
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.store import FolderStore, Store
from xray_backup.verification import verify
from xray_backup.workplace import Workplace

SETTINGS = {
    "wait_timeout": 1,
    "interactive_timeout": 1,
    "max_execution_time": 200,
    "net_read_timeout": 1,
    "net_write_timeout": 1,
    "max_allowed_packet": 2**20,
    "sql_mode": "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE,PAD_CHAR_TO_FULL_LENGTH,NO_ZERO_DATE'",
    "time_zone": "'-11:30'",
    "sql_select_limit": 10,
    "max_join_size": 10,
    "sql_big_selects": 0,
    "sql_safe_updates": 1,
    "innodb_lock_wait_timeout": 1,
    "transaction_isolation": "'SERIALIZABLE'",
    "completion_type": "'RELEASE'",
    "foreign_key_checks": 0,
    "unique_checks": 0,
    "group_concat_max_len": 4,
    "character_set_server": "'latin1'",
}


class OddServer(MySqlServer):
    """The tests' own connections are as elsewhere."""

    def connect(self, database: str | None = None) -> pymysql.Connection[pymysql.cursors.Cursor]:
        connection = super().connect(database)
        with connection.cursor() as cursor:
            cursor.execute(
                f"{LOOSE}, wait_timeout = 600, max_execution_time = 0, sql_big_selects = 1,"
                " completion_type = 'NO_CHAIN', foreign_key_checks = 1, sql_safe_updates = 0,"
                " cte_max_recursion_depth = 100000"
            )
        return connection


@pytest.fixture(scope="module")
def odd_server(work_folder: Path) -> Iterator[MySqlServer]:
    server = OddServer(work_folder / "odd-mysql", "--skip-log-bin", "--innodb-buffer-pool-size=256M")
    server.initialize()
    server.start()
    with server.connect() as connection, connection.cursor() as cursor:
        for name, value in SETTINGS.items():
            cursor.execute(f"SET GLOBAL {name} = {value}")
    yield server
    server.stop()


@pytest.fixture
def lab(odd_server: MySqlServer, folder_store: Store) -> Iterator[OddLab]:
    with odd_lab(odd_server, folder_store) as lab:
        yield lab


def whole_life(lab: OddLab, **options: Any) -> None:
    """Backup, archive, verify against the database, purge, restore; at the end all is as it was."""
    before = lab.all_bytes()
    snapshot(lab.run(**options), "s", 60)
    archive(lab.run(**options), "a", 2)
    manifest = load_manifest(lab.store, "snapshot-s")
    verify(lab.run(**options), manifest)
    for difference in compare(lab.run(**options), manifest).values():
        assert not difference.changed + difference.only_in_backup + difference.only_in_database
    result = purge(lab.run(**options), 2, 1_000, 0.0)
    assert (len(lab.bytes_of("visit")), result.kept) == (1, {})
    restored = restore(lab.run(**options), ["archive-a"], None, Selection())
    assert (restored["visit"].inserted, restored["mark"].inserted) == (result.rows["visit"], result.rows["mark"])
    assert lab.all_bytes() == before
    other = f"{lab.schema}_other"
    restore(lab.run(**options), ["snapshot-s"], other, Selection())
    assert lab.all_bytes(other) == before


def test_a_server_with_settings_against_us(lab: OddLab) -> None:
    """Pauses are longer than the server waits for anybody."""
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
    lab.sql(f"INSERT INTO note {numbers} SELECT i, CONCAT('\\\\', i, '\\''), 'x', i, i / 3, '2024-00-15' FROM n")
    lab.sql(f"INSERT INTO visit {numbers} SELECT i * 977, i, '2022-01-01 23:30:00' FROM n")
    lab.sql(f"INSERT INTO mark {numbers} SELECT i, i * 977, CONCAT('\"', i) FROM n")

    def slowly(event: str, **fields: object) -> None:
        if event in ("copied", "verified") and fields["table"] == "visit":
            time.sleep(1.5)

    whole_life(lab, events=slowly)


def test_rows_that_are_as_wide_as_a_packet_is_long(lab: OddLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """4,000 rows of 16,000 bytes, 64 MB, where MySQL sends 256 KiB at once."""
    monkeypatch.setattr(range_copy, "BYTES_PER_FILE", 8 * 2**20)
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)"
    lab.sql(f"INSERT INTO visit {numbers} SELECT i, NULL, '2022-01-01 23:30:00' FROM n")
    lab.sql(f"INSERT INTO mark {numbers} SELECT i, i, REPEAT('😀', 4000) FROM n")
    usual = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(pool)
    try:
        task = RangeCopy(MODEL.table("mark"), KeyRange(1, 2**31 - 1), "TRUE", "unit")
        files = copy_range(Workplace(lab.database(), lab.store), task)
    finally:
        pa.set_memory_pool(usual)
    assert sum(file.file.fingerprint.rows for file in files) == 4000
    assert 7 <= len(files) <= 9
    assert pool.max_memory() < 40 * 2**20
    assert isinstance(lab.store, FolderStore)
    # The whole life of some of them.
    lab.sql("DELETE FROM mark WHERE mark_id > 300")
    lab.sql("DELETE FROM visit WHERE visit_id > 300")
    monkeypatch.setattr(range_copy, "BYTES_PER_FILE", 2**20)
    lab.store = FolderStore(lab.store.folder / "life")
    whole_life(lab)


@pytest.fixture
def text_lab(odd_server: MySqlServer, folder_store: Store) -> Iterator[NamesLab]:
    columns = [{"name": n, "type": t} for n, t in (("id", "int"), ("moment", "datetime"), ("body", "mediumtext"))]
    model = parse_data_model({"tables": [{"name": "t", "key": ["id"], "columns": columns}]})
    lab = NamesLab(odd_server, folder_store, f"odd_{uuid.uuid4().hex[:8]}")
    lab.make_schema(model)
    yield lab
    lab.drop_schema()


def test_rows_up_to_a_quarter_of_a_packet_go_the_whole_way_and_one_byte_more_is_named(text_lab: NamesLab) -> None:
    """A quarter of 1 MiB is 262,144 bytes, of which id, time and length take 28; backslashes double in a statement."""
    lab, most = text_lab, 2**18 - 4 - 28
    sizes = [most, 1, most - 1, 0, most]
    for key, size in enumerate(sizes, 1):
        lab.sql(f"INSERT INTO t VALUES ({key}, '2022-01-01', REPEAT(CHAR(92 USING ascii), {size}))")
    before = lab.everything()
    snapshot(lab.run(), "s", 60)
    archive(lab.run(), "a", 2)
    done = purge(lab.run(), 2, 100, 0.0)
    assert (done.rows, done.kept) == ({"t": 4}, {})
    assert restore(lab.run(), ["archive-a"], None, Selection())["t"].inserted == 4
    assert lab.everything() == before

    lab.sql(f"UPDATE t SET body = CONCAT(body, '\\\\\\\\') WHERE id = {len(sizes)}")
    with pytest.raises(BackupError, match=f"table t: the row with id {len(sizes)} has more than 262144 bytes"):
        snapshot(lab.run(), "s2", 60)
