"""Records in the store: one set of keys, whatever version wrote them, and one line for one that is damaged."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.lab import Lab
from xray_backup.archive import archive
from xray_backup.layout import RESTORES
from xray_backup.purge import purge
from xray_backup.purge_record import purge_records, purged_archives
from xray_backup.records import read_records
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.run_records import RestoreRecord, RowCounts
from xray_backup.snapshot import snapshot
from xray_backup.store import Store
from xray_backup.verify import verify_backups

COUNTS = {"inserted": 2, "present": 1, "conflicts": 0, "orphans": 0, "refused": 0, "erased": 0}
RESTORE = {
    "run_id": "r1", "started_at": "2026-11-26T03:00:00.000+00:00", "finished_at": "2026-11-26T03:00:02.500+00:00",
    "completed": True, "problem": None, "backups": ["snapshot-s"], "schema": "drill", "is_drill": True,
    "is_everything": True, "tables": {"image": COUNTS, "transaction": COUNTS},
}  # fmt: skip
INTENT = {"archives": ["archive-a"], "before": "2026-05-01 00:00:00", "started_at": "2026-11-26T03:00:00.123456+00:00"}
RESULT = {
    "run_id": "p1", "mode": "execute", "archives": ["archive-a"], "before": "2026-05-01 00:00:00",
    "rows": {"transaction": 3, "pred_bounding_box": 4}, "units": {"deleted": 3, "changed": 1},
    "kept": {"changed": [7]}, "completed": True,
}  # fmt: skip


def put(store: Store, key: str, document: object) -> None:
    # With the white space that earlier versions wrote.
    store.create(key, (json.dumps(document, indent=1) + "\n").encode())


def test_every_record_has_the_keys_that_it_always_had(lab: Lab) -> None:
    lab.fill(5)
    snapshot(lab.run(), "s", 60)
    archive(lab.run(), "a", 2)
    run = lab.run("purge")
    purge(run, 2, 100, 0.0)
    restore(lab.run("restore"), ["snapshot-s"], f"{lab.schema}_drill", Selection())
    verify_backups(lab.run("verify"), ["latest"])
    found = {}
    for item in lab.store.list("v1/"):
        if item.key.startswith(("v1/_purges/", "v1/_restores/", "v1/_verifications/")):
            content = lab.store.read(item.key)
            assert content is not None
            found[item.key.replace(run.run_id, "RUN")] = json.loads(content.body)
    every_run = {"run_id", "started_at", "finished_at", "completed", "problem"}
    (restored,) = (document for key, document in found.items() if key.startswith("v1/_restores/"))
    assert restored.keys() == every_run | {"backups", "schema", "is_drill", "is_everything", "tables"}
    assert restored["tables"]["image"] == {
        "inserted": 5,
        "present": 0,
        "conflicts": 0,
        "orphans": 0,
        "refused": 0,
        "erased": 0,
    }
    (verified,) = (document for key, document in found.items() if key.startswith("v1/_verifications/"))
    assert verified.keys() == every_run | {"backups", "against_database"}
    assert found["v1/_purges/RUN/intent.json"].keys() == INTENT.keys() | {"anchor"}
    assert found["v1/_purges/RUN/chunks-00001.jsonl"] == {
        "archive": "archive-a", "first": 1, "last": 4, "units": {"deleted": 4},
    }  # fmt: skip
    assert found["v1/_purges/RUN/result.json"].keys() == RESULT.keys() | {"obstacles"}
    assert found["v1/_purges/finished/archive-a.json"] == {"archive": "archive-a", "run_id": run.run_id}
    assert found["v1/_purges/lock/RUN/claim.json"] == {"owner": f"purge {run.run_id}", "ttl_seconds": 5}


def test_a_record_of_an_earlier_or_later_version_is_read(folder_store: Store) -> None:
    put(folder_store, "v1/_restores/r1.json", RESTORE | {"of_a_later_version": 1})
    damaged: list[str] = []
    (restored,) = read_records(folder_store, RESTORES, RestoreRecord, damaged.append)
    assert (restored.seconds, restored.rows, restored.is_clean) == (2.5, RowCounts(inserted=4, present=2), True)
    put(folder_store, "v1/_purges/p1/intent.json", INTENT)
    put(folder_store, "v1/_purges/p1/result.json", RESULT)
    put(folder_store, "v1/_purges/p2/intent.json", INTENT)
    put(folder_store, "v1/_purges/finished/archive-a.json", {"archive": "archive-a", "run_id": "p1"})
    done, killed = purge_records(folder_store, damaged.append)
    assert (done.completed, done.deleted, done.kept, done.intent.archives) == (True, 7, 1, ["archive-a"])
    assert (killed.completed, killed.deleted, killed.kept) == (False, None, 0)
    assert purged_archives(folder_store, damaged.append) == {"archive-a"}
    assert damaged == []


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({key: value for key, value in RESTORE.items() if key != "schema"}, "it has no 'schema'"),
        ({**RESTORE, "tables": []}, "'list' object has no attribute 'items'"),
        ({**RESTORE, "tables": {"image": {"moved": 1}}}, "unexpected keyword argument 'moved'"),
    ],
)
def test_a_record_that_lacks_something_is_one_line(folder_store: Store, document: object, problem: str) -> None:
    put(folder_store, "v1/_restores/r1.json", document)
    damaged: list[str] = []
    assert list(read_records(folder_store, RESTORES, RestoreRecord, damaged.append)) == []
    (sentence,) = damaged
    assert re.fullmatch(rf"record v1/_restores/r1\.json is damaged \(.*{problem}\)", sentence)
