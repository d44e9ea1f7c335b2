"""The slide registry of `examples/own-data-model`, through backup, archive, purge and restore.

Arguments of the jobs and rights of their users are what the constructs write from its `data-model.json`.
"""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.erasures import erased
from tests.support.lab import Emulator, Lab
from tests.support.mysql_server import REPOSITORY, MySqlServer
from tests.support.slide_registry import registry_statements
from tests.support.synthesized import jobs_of
from xray_backup.archive import archive
from xray_backup.archive_policy import parse_policies
from xray_backup.arguments import parse_job_arguments
from xray_backup.commands import execute_command
from xray_backup.database_model import EVERY_TABLE
from xray_backup.erase import ErasureOptions, erase
from xray_backup.errors import BackupError, UsageError
from xray_backup.manifest_store import load_manifest, load_manifests
from xray_backup.restore import restore
from xray_backup.restore_selection import ChosenRows, Selection
from xray_backup.snapshot import snapshot
from xray_backup.store import Store
from xray_backup.verification import verify

TABLES = ("tissue", "specimen", "slide", "annotation", "review")
POLICIES = parse_policies("slide.scanned_at")
PASSWORD = "slides-4f1c9a"
# Of four slides one was scanned today, and one never was. The second specimen's name is the first's in another case.
ROWS = (
    "INSERT INTO tissue VALUES ('skin', NULL, 'Haut'), ('naevus', 'skin', 'Nävus'), ('gut', NULL, '')",
    "INSERT INTO specimen VALUES ('P24-00017', 'naevus', '2021-12-31'), ('p24-00017', 'gut', '2022-02-28')",
    "INSERT INTO slide VALUES"
    " ('P24-00017', 1, 'H&E', 'slides/1.svs', '2022-01-03 07:30:00.125', '{\"model\": \"GT450\", \"zoom\": 40.0}'),"
    " ('P24-00017', 2, 'IHC', 'slides/2.svs', NULL, NULL),"
    " ('p24-00017', 1, 'PAS', 'slides/3.svs', '2022-03-01 00:00:00.000', 'null'),"
    " ('p24-00017', 65535, 'H&E', 'slides/4.svs', NOW(3), '[]')",
    "INSERT INTO annotation VALUES (1, 'P24-00017', 1, 'naevus', '[[1, 2], [3, 4]]', 0.9875),"
    " (2, 'P24-00017', 2, 'artefact', '[]', NULL), (3, 'p24-00017', 1, 'ulcer', '{}', 1),"
    " (18446744073709551614, 'p24-00017', 65535, 'polyp', '{}', 0)",
    "INSERT INTO review VALUES (1, 'Dr. Ä', 'agree', '2022-02-01 10:00:00'),"
    " (1, 'Dr. B', 'reject', '2022-02-02 10:00:00'), (3, 'Dr. B', 'agree', '2022-03-02 10:00:00'),"
    " (18446744073709551614, 'Dr. B', 'agree', NOW())",
)


class RegistryLab(Lab):
    def create_schema(self, foreign_keys: bool = True) -> RegistryLab:
        assert foreign_keys
        self.server.make_schema(self.schema, (*registry_statements(), *ROWS))
        return self

    def everything(self) -> dict[str, set[tuple[Any, ...]]]:
        return {table: self.rows(table) for table in TABLES}


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """The stack that the constructs write, and the rights of the jobs' users."""
    script = REPOSITORY / "glue" / "tests" / "support" / "slide_registry.js"
    done = subprocess.run(["node", str(script)], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def lab(server: MySqlServer, s3_store: Store) -> Iterator[RegistryLab]:
    lab = RegistryLab(server, s3_store, f"slides_{uuid.uuid4().hex[:8]}").create_schema()
    yield lab
    lab.drop_schema()


@pytest.fixture
def start(
    written: dict[str, Any], lab: RegistryLab, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """Starts a job as Glue does, as a user with the rights that the schema stack grants."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.url)
    jobs = {script.removeprefix("job_").removesuffix(".py"): given for script, _, given in jobs_of(written["stack"])}
    for job, rights in written["users"].items():
        user = f"'{_user(job, lab)}'@'%'"
        lab.sql(f"CREATE USER {user} IDENTIFIED BY '{PASSWORD}'")
        for table, privileges in rights["tables"].items():
            lab.sql(f"GRANT {', '.join(privileges)} ON `{lab.schema}`.`{table}` TO {user}")
        if rights["everyTable"]:
            lab.sql(f"GRANT {', '.join(rights['everyTable'])} ON *.* TO {user}")
        if rights["readsDefinition"]:
            lab.sql(f"GRANT SHOW VIEW ON `{lab.schema}`.* TO {user}")

    def run(job: str, **asked: str) -> None:
        fixed = dict(zip(jobs[job][::2], jobs[job][1::2], strict=True))
        secret = lab.secret(emulator, username=_user(job, lab), password=PASSWORD)
        here = {"--store": lab.store.url, "--secret_id": secret, "--ssl_mode": "REQUIRED", "--JOB_NAME": job}
        given = fixed | here | {f"--{name}": value for name, value in asked.items()}
        options = parse_job_arguments(job, [part for pair in given.items() for part in pair])
        options.engine = "local"
        execute_command(options, lab.events)

    yield run
    for job in written["users"]:
        lab.sql(f"DROP USER '{_user(job, lab)}'@'%'")


def _user(job: str, lab: Lab) -> str:
    return f"{job}_{lab.schema[-8:]}"


def test_the_registry_is_backed_up_archived_purged_and_restored(lab: RegistryLab, start: Callable[..., None]) -> None:
    before = lab.everything()
    start("backup", run_slot="a", lag_minutes="0")
    manifest = load_manifest(lab.store, "snapshot-a")
    assert {name: table.fingerprint.rows for name, table in manifest.tables.items()} == {
        table: len(rows) for table, rows in before.items()
    }

    start("purge")
    assert lab.everything() == before
    start("purge", run_mode="execute")
    after = lab.everything()
    assert (after["tissue"], after["specimen"]) == (before["tissue"], before["specimen"])
    # What was never scanned, and what was scanned today, stay with all that is drawn on them.
    assert {row[:2] for row in after["slide"]} == {("P24-00017", 2), ("p24-00017", 65535)}
    assert {row[0] for row in after["annotation"]} == {2, 18446744073709551614}
    assert {row[0] for row in after["review"]} == {18446744073709551614}

    start("restore", backups="archive-a")
    assert lab.everything() == after
    start("restore", backups="archive-a", run_mode="execute")
    assert lab.everything() == before

    lab.sql("DELETE FROM review")
    lab.sql("DELETE FROM annotation")
    lab.sql("DELETE FROM slide")
    lab.sql("DELETE FROM specimen")
    start("restore", backups="snapshot-a", run_mode="execute")
    assert lab.everything() == before


@pytest.mark.parametrize(
    ("rows", "came_back"),
    [
        ("slide=P24-00017/1", {"tissue": 2, "specimen": 1, "slide": 1, "annotation": 1, "review": 2}),
        ("slide=p24-00017/1,P24-00017/2", {"tissue": 3, "specimen": 2, "slide": 2, "annotation": 2, "review": 1}),
        ("specimen=P24-00017", {"tissue": 2, "specimen": 1, "slide": 2, "annotation": 2, "review": 2}),
    ],
)
def test_chosen_rows_come_back_with_all_that_belongs_to_them(
    lab: RegistryLab, start: Callable[..., None], rows: str, came_back: dict[str, int]
) -> None:
    start("backup", run_slot="a", lag_minutes="0")
    with lab.server.connect(lab.schema) as connection, connection.cursor() as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        for table in TABLES:
            cursor.execute(f"DELETE FROM {table}")
        connection.commit()
    start("restore", backups="snapshot-a", rows=rows, run_mode="execute")
    assert {table: len(found) for table, found in lab.everything().items()} == came_back


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("slide=P24-00017", "the key of slide is accession/slide_no, got 'P24-00017'"),
        ("slide=P24-00017/7", "P24-00017/7 is not in snapshot-a; `list` shows other backups"),
        ("slide=P24-00017/x", "slide=P24-00017/x"),
        ("review=1", "rows can be chosen of slide, specimen"),
        ("slide", "a table and keys are needed"),
    ],
)
def test_rows_that_cannot_be_chosen_are_refused(start: Callable[..., None], rows: str, message: str) -> None:
    start("backup", run_slot="a", lag_minutes="0")
    with pytest.raises(UsageError, match=re.escape(message)):
        start("restore", backups="snapshot-a", rows=rows)


def _write_objects(lab: RegistryLab, emulator: Emulator) -> str:
    """An object for each slide; the bucket of the backups has them too."""
    bucket: str = lab.store.bucket  # type: ignore[attr-defined]
    for (key,) in lab.sql("SELECT object_key FROM slide"):
        emulator.client("s3").put_object(Bucket=bucket, Key=key, Body=b"a slide")
    return bucket


@pytest.mark.parametrize(
    ("rows", "gone"),
    [
        (("specimen", "P24-00017"), {"specimen": 1, "slide": 2, "annotation": 2, "review": 2}),
        (("slide", "P24-00017/1"), {"slide": 1, "annotation": 1, "review": 2}),
        (("annotation", "18446744073709551614"), {"annotation": 1, "review": 1}),
        (("review", "1/Dr. Ä"), {"review": 1}),
    ],
)
def test_rows_are_erased_by_keys_of_text_and_of_several_columns(
    lab: RegistryLab, emulator: Emulator, rows: tuple[str, str], gone: dict[str, int]
) -> None:
    """The key in another case is another's; `tissue` stays."""
    bucket = _write_objects(lab, emulator)
    before = lab.everything()
    lab_run = lab.run
    lab.run = lambda *names, **given: lab_run(*names, **given, policies=POLICIES, tables=EVERY_TABLE)  # type: ignore[method-assign]
    snapshot(lab.run(), "s", 0)
    archive(lab.run(), "a", 2)
    done = erased(lab, Selection(rows=ChosenRows(rows[0], (rows[1],))), objects=f"slide=s3://{bucket}/{{object_key}}")
    assert done
    assert done.completed
    assert done.rows["database"] == done.rows["snapshot-s"] == gone
    assert done.objects == gone.get("slide", 0)
    after = lab.everything()
    assert {table: len(before[table]) - len(after[table]) for table in TABLES} == dict.fromkeys(TABLES, 0) | gone
    for manifest in load_manifests(lab.store):
        verify(lab.run(), manifest)
    target = f"{lab.schema}_drill"
    restore(lab.run(), ["snapshot-s", "archive-a"], target, Selection())
    assert {table: lab.rows(table, target) for table in TABLES} == after


def test_a_tissue_that_others_are_part_of_stays(lab: RegistryLab) -> None:
    run = lab.run("erase", policies=POLICIES, tables=EVERY_TABLE)
    selection = Selection(rows=ChosenRows("tissue", ("skin",)))
    with pytest.raises(BackupError, match=r"tissue .* references row sha2:\w+ of tissue, and does not belong to it"):
        erase(run, selection, ErasureOptions(None), lambda _: pytest.fail("no object is named"))
