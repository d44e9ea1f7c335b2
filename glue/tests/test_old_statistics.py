"""The server's statistics are of another time, as after a crash: a purge reads the rows of its chunk and no others, so
that it locks no others."""

from __future__ import annotations

import signal

import pytest

from tests.support.model_lab import ModelLab
from xray_backup.archive import archive
from xray_backup.purge import purge

UNITS = 1_000


def test_a_purge_reads_no_row_beside_its_chunk(model_lab: ModelLab) -> None:
    lab = model_lab
    if not lab.server.folder_of_its_own:
        pytest.skip("the server of MYSQL_URL is not ours to kill")
    for table in lab.model.tables:
        lab.sql(f"ALTER TABLE {table.quoted} STATS_AUTO_RECALC = 0")
        lab.sql(f"ANALYZE TABLE {table.quoted}")
    lab.fill_units(UNITS)
    # It keeps what it knew of the empty tables; what it counted since is gone.
    lab.server.stop(signal.SIGKILL)
    lab.server.start()
    archive(lab.run(), "a", 2)
    deleted = sum(purge(lab.run(), 2, 50, 0.0).rows.values())
    assert deleted >= UNITS

    digests = "FROM performance_schema.events_statements_summary_by_digest WHERE schema_name = DATABASE()"
    ((examined,),) = lab.sql(f"SELECT SUM(sum_rows_examined) {digests} AND digest_text LIKE 'DELETE%'")
    assert examined <= 2 * deleted
    locking = f"{digests} AND digest_text LIKE 'SELECT COUNT ( * ) , `SHA2`%'"
    ((compared, scanned),) = lab.sql(f"SELECT SUM(count_star), SUM(sum_select_scan) {locking}")
    assert compared > 0
    assert scanned == 0
