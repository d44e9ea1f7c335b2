"""Names with characters that mean something elsewhere: stores, schemas, passwords; and what must not be shown."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.support.lab import GLUE, TABLES, Emulator, Lab, command
from tests.support.mysql_server import MySqlServer
from xray_backup.archive import archive
from xray_backup.arguments import parse_command_line, parse_job_arguments
from xray_backup.errors import BackupError, UsageError
from xray_backup.listing import list_backups
from xray_backup.manifest_store import load_manifest
from xray_backup.purge import purge
from xray_backup.report import gather
from xray_backup.report_page import render
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.store import FolderStore, S3Store, open_store
from xray_backup.verification import verify

ODD = "a#b?c[d]{e}%20 f+g&h='i'*ü日(;)~!@$,^"


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_a_backup_s_life_in_a_store_and_a_schema_with_odd_names(
    server: MySqlServer, emulator: Emulator, tmp_path: Path, kind: str
) -> None:
    url = str(tmp_path / ODD)
    if kind == "s3":
        bucket = f"lake-{uuid.uuid4().hex[:12]}"
        where = {"LocationConstraint": "eu-west-1"}
        emulator.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        url = f"s3://{bucket}/{ODD}/{ODD}"
    store = open_store(url, emulator.url)
    assert store.url == url
    lab = Lab(server, store, f"odd_{uuid.uuid4().hex[:8]}#?[x]{{y}}% +&ü日").create_schema()
    try:
        lab.fill(4, 2)
        before = {table: lab.rows(table) for table in TABLES}
        snapshot(lab.run(), "s", 60)
        archive(lab.run(), "a", 2)
        assert [(item.name, item.damage) for item in list_backups(store)] == [("archive-a", None), ("snapshot-s", None)]
        for name in ("archive-a", "snapshot-s"):
            verify(lab.run(), load_manifest(store, name))
        assert purge(lab.run(), 2, 100, 0.0).rows["transaction"] == 3
        restore(lab.run(), ["archive-a"], None, Selection())
        assert {table: lab.rows(table) for table in TABLES} == before
        restore(lab.run(), ["latest"], f"{lab.schema}'drill", Selection())
        assert "--store &#39;" in render(gather(store, lab.events))
    finally:
        lab.drop_schemas("odd\\_%")


@pytest.mark.parametrize(
    ("url", "bucket", "prefix"),
    [
        ("s3://lake/a#b", "lake", "a#b"),
        ("s3://lake/a?b=c&d", "lake", "a?b=c&d"),
        ("s3://lake/a[b]/{c}/", "lake", "a[b]/{c}"),
        ("s3a://lake/a%20b c", "lake", "a%20b c"),
    ],
)
def test_a_store_s_address_keeps_every_character(url: str, bucket: str, prefix: str) -> None:
    store = open_store(url)
    assert isinstance(store, S3Store)
    assert (store.bucket, store.prefix) == (bucket, prefix)


@pytest.mark.parametrize(
    ("url", "folder"),
    [("/x/a#b", "/x/a#b"), ("/x/a?b", "/x/a?b"), ("/x/[a]%20", "/x/[a]%20"), ("file:///x/a%20b", "/x/a b")],
)
def test_a_folder_s_name_keeps_every_character(url: str, folder: str) -> None:
    store = open_store(url)
    assert isinstance(store, FolderStore)
    assert str(store.folder) == folder


@pytest.mark.parametrize("url", ["s3://la#ke/backup", "s3://[lake]/backup", "s3://la ke/x", "gs://a/b", "s3:/lake/x"])
def test_an_address_that_is_none_is_one_line(url: str) -> None:
    with pytest.raises(UsageError, match="store "):
        open_store(url)


@pytest.mark.parametrize("schema", ["x-ray", "x#ray", "Röntgen", "a b", "x{1}", "50%"])
def test_a_target_schema_may_have_any_name_that_mysql_takes(schema: str) -> None:
    arguments = ["--store", "s3://a/b", "--secret-id", "s", "--backups", "latest", "--target-schema", schema]
    assert parse_command_line(["restore", *arguments]).target_schema == schema
    assert parse_job_arguments("restore", arguments).target_schema == schema


PASSWORDS = ["pässwörd", "пароль日本😀", 'it\'s "quoted" \\ and % {x} `y`', " spaces ", "a" * 200 + "ü"]


@pytest.mark.parametrize("plugin", ["caching_sha2_password", "sha256_password"])
@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_may_hold_any_character(lab: Lab, password: str, plugin: str) -> None:
    user = f"o'neil_{lab.schema[-4:]}"
    with lab.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER %s@'%%' IDENTIFIED WITH " + plugin + " BY %s", (user, password))
        cursor.execute(f"GRANT SELECT ON `{lab.schema}`.* TO %s@'%%'", (user,))
        try:
            # The first log-in sends the password itself, the next one a digest.
            for _ in range(2):
                lab.database(username=user, password=password).connect().close()
            with pytest.raises(BackupError, match="refused user"):
                lab.database(username=user, password=f"{password}x").connect()
        finally:
            cursor.execute("DROP USER %s@'%%'", (user,))


SECRET = json.dumps({"engine": "mysql", "username": "admin", "password": "hunter2-geheim", "host": "h", "dbname": "x"})


@pytest.mark.parametrize(
    "arguments",
    [
        ["backup", "--store", "/tmp/x", "--secret-id", SECRET],
        ["check", "--store", "/tmp/x", "--secret-id", SECRET],
        ["backup", "--store", "/tmp/x", f"--secret_id={SECRET}"],
        ["backup", "--store", SECRET, "--secret-id", "x"],
        ["backup", "--store", f"s3://{SECRET}/x", "--secret-id", "x"],
        ["backup", "--store", "/tmp/x", "--secret-id", *SECRET.split()],
        ["restore", "--store", "/tmp/x", "--secret-id", "x", "--backups", SECRET],
        ["restore", "--store", "/tmp/x", "--secret-id", "x", "--backups", "latest", "--target-schema", SECRET],
        ["restore", "--store", "/tmp/x", "--secret-id", "x", "--backups", "latest", "--ignore-columns", SECRET],
        ["backup", "--store", "/tmp/x", "--secret-id", "x", "--password", "hunter2-geheim"],
        [SECRET],
    ],
)
def test_a_secret_in_the_place_of_a_name_is_never_shown(emulator: Emulator, arguments: list[str]) -> None:
    endpoint = ["--endpoint-url", emulator.url] if len(arguments) > 1 else []
    done = subprocess.run(
        [sys.executable, "-m", "xray_backup", *arguments, *endpoint],
        cwd=GLUE, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode in (1, 2)
    assert "geheim" not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["--secret_id", SECRET], [SECRET], ["--store", SECRET, "--run_slot", SECRET]])
def test_a_job_shows_no_secret_either(arguments: list[str]) -> None:
    given = ["--store", "s3://a/b", "--run_slot", "x y", *arguments]
    given = given if "--store" not in arguments else ["--secret_id", "s", *arguments]
    with pytest.raises(UsageError) as caught:
        parse_job_arguments("backup", given)
    assert "geheim" not in str(caught.value)


def listed(url: str, emulator: Emulator, *more: str, width: int | None = None) -> subprocess.Popen[str]:
    environment = {"COLUMNS": str(width)} if width else {}
    return command("list", "--store", url, "--endpoint-url", emulator.url, *more, environment=environment)


def test_a_list_of_a_store_that_is_not_there_says_so(emulator: Emulator, tmp_path: Path, s3_store: S3Store) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for url, code, text in (
        (str(tmp_path / "none"), 2, f"store {tmp_path}/none does not exist: correct --store"),
        (str(tmp_path / "file"), 2, f"store {tmp_path}/file is no folder: correct --store"),
        (str(tmp_path / "empty"), 0, "no backup yet"),
        ("s3://no-such-bucket-here/backup", 1, "NoSuchBucket; make the bucket first, or correct --store"),
        (s3_store.url, 0, "no backup yet"),
    ):
        for more in ([], ["--log", "json"]):
            done = listed(url, emulator, *more)
            output, errors = done.communicate(timeout=60)
            assert done.returncode == code, url
            assert code == 0 or text in errors
            assert code != 0 or more or output == f"{text}\n"


@pytest.mark.parametrize("width", [None, 40, 80])
def test_no_name_is_cut_where_something_is_damaged(lab: Lab, emulator: Emulator, width: int | None) -> None:
    lab.fill(3)
    slot = "a" + "-long" * 12
    snapshot(lab.run(), slot, 60)
    snapshot(lab.run(), "whole", 60)
    file = min((Path(lab.store.url) / "v1/snapshot/pred_bounding_box").rglob("*.parquet"))
    file.unlink()
    done = listed(lab.store.url, emulator, width=width)
    output, errors = done.communicate(timeout=60)
    assert done.returncode == 3
    assert "…" not in output
    key = str(file.relative_to(lab.store.url))
    (name,) = re.findall(r"^(\S+): file", output, re.M)
    assert f"{name}: file {key} is missing" in output.splitlines()
    assert re.search(rf"^snapshot-{slot} .* (damaged|whole) *$", output, re.M)
    assert re.search(r"^snapshot-whole .* (damaged|whole) *$", output, re.M)
    assert name in errors
