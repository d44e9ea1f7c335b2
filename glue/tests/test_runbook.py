"""The pages of docs/runbook: each thing is lost for real, and the page's commands, as they stand, bring it back."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest

from tests.restore_drill import contents
from tests.support.lab import TABLES, Emulator, Lab
from tests.support.mysql_server import REPOSITORY, MySqlServer
from tests.support.runbook import RUNBOOK, Desk, Shell, blocks_of, pages
from xray_backup.store import S3Store

TRANSACTIONS = int(os.environ.get("RUNBOOK_TRANSACTIONS", "200"))
REGION = "eu-west-1"
SECONDS = REPOSITORY / ".local" / "test-results" / "runbook.json"
# As `SchemaUser` grants them.
GRANTS = {
    "xray_app": ["SELECT, INSERT ON x_ray.{}"],
    "xray_backup": ["SELECT ON x_ray.{}", "SHOW VIEW ON x_ray.*"],
    "xray_restore": ["SELECT, INSERT ON x_ray.{}"],
    "xray_purge": ["SELECT, DELETE, TRIGGER ON x_ray.{}", "REFERENCES ON *.*"],
}


@pytest.fixture(scope="module")
def aws(work_folder: Path) -> Iterator[Emulator]:
    emulator = Emulator(work_folder / "runbook-moto.log", [str(Path(__file__).parent / "support" / "job_emulator.py")])
    yield emulator
    emulator.stop()


@dataclass
class Lake:
    """A stack as the commands of the runbook find it: bucket, database, users, secrets, jobs, one backup."""

    lab: Lab
    aws: Emulator
    bucket: str
    desk: Desk

    def run(self, job: str, **arguments: str) -> tuple[int, str]:
        given = json.dumps({f"--{name}": value for name, value in arguments.items()})
        return self.desk.shell.run(f"run_job \"${job.upper()}_JOB\" '{given}'")


@pytest.fixture(scope="module")
def lake(server: MySqlServer, aws: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """One for all pages: each test leaves the rows as they were."""
    bucket = f"lake-{os.getpid()}"
    s3, glue, secrets = aws.client("s3"), aws.client("glue"), aws.client("secretsmanager")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    kms = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [kms]})
    lab = Lab(server, S3Store(bucket, "backup", aws.url), "x_ray").create_schema()
    lab.fill(TRANSACTIONS)
    names = {
        "AWS_ENDPOINT_URL": aws.url, "ENV": "prod", "BUCKET": bucket, "BACKUP_BUCKET": bucket, "STORE": f"s3://{bucket}/backup",
        "DB": f"{bucket}-database",
    }  # fmt: skip
    for user, grants in GRANTS.items():
        lab.sql(f"CREATE USER '{user}'@'%' IDENTIFIED BY '{user}'")
        for grant in grants:
            for table in TABLES if "{}" in grant else ("",):
                lab.sql(f"GRANT {grant.format(table)} TO '{user}'@'%'")
        job = user.removeprefix("xray_")
        if job == "app":
            continue
        names[f"{job.upper()}_JOB"] = name = f"{bucket}-{job}"
        secret = {"engine": "mysql", "host": server.host, "port": server.port, "username": user, "password": user}
        arn = secrets.create_secret(Name=name, SecretString=json.dumps(secret | {"dbname": "x_ray"}))["ARN"]
        defaults = {"restore": {"--backups": "latest", "--run_mode": "dry-run"}, "purge": {"--older_than_days": "90"}}
        glue.create_job(
            Name=name,
            Role="arn:aws:iam::123456789012:role/glue",
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/job_{job}.py"},
            DefaultArguments=defaults.get(job, {}),
            NonOverridableArguments={
                "--store": names["STORE"], "--secret_id": arn, "--ssl_mode": "REQUIRED", "--lock_ttl_seconds": "5",
            },
        )  # fmt: skip
        aws.client("logs").create_log_group(logGroupName=f"/aws-glue/jobs/{name}/output")
    aws.client("rds").create_db_instance(
        DBInstanceIdentifier=names["DB"], DBInstanceClass="db.t4g.medium", Engine="mysql", AllocatedStorage=20,
        MasterUsername="admin", ManageMasterUserPassword=True,
    )  # fmt: skip
    shell = Shell(tmp_path_factory.mktemp("desk"), names)
    lake = Lake(lab, aws, bucket, Desk(shell, server))
    assert lake.run("backup", lag_minutes="0")[0] == 0
    yield lake
    shell.close()
    lab.sql("DROP USER " + ", ".join(f"'{user}'@'%'" for user in GRANTS))
    lab.drop_schemas("x\\_ray")
    lab.drop_schemas("as_backed_up")
    _note(lake.desk.seconds)


def _note(seconds: dict[str, float]) -> None:
    SECONDS.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(SECONDS.read_text()) if SECONDS.exists() else {}
    measured = {page: {"seconds": taken, "rows": TRANSACTIONS * 7} for page, taken in seconds.items()}
    SECONDS.write_text(json.dumps(known | measured, indent=2))


@pytest.fixture
def unchanged(lake: Lake) -> Iterator[None]:
    """Puts back at the end what a test lost."""
    before = contents(lake.lab)
    yield
    assert contents(lake.lab) == before


@pytest.mark.usefixtures("unchanged")
def test_a_table_and_the_schema_are_dropped(lake: Lake) -> None:
    with lake.lab.server.connect("x_ray") as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0")
        cursor.execute("DROP TABLE transaction")
    with lake.desk.page("table-dropped") as page:
        assert "transaction" not in page.next("Look")
        assert "snapshot-" in page.next("Look")
        assert "CREATE TABLE `transaction`" in page.next("Do")
        lake.desk.sql("USE x_ray; " + (lake.desk.shell.folder / "table.sql").read_text())
        assert f'"inserted": {TRANSACTIONS}' in page.next("Do")
        assert lake.lab.count("transaction") == TRANSACTIONS
        lake.lab.drop_schemas("x\\_ray")
        page.next("The schema is gone")
        assert '"restored"' in page.next("The schema is gone")
        page.next("The schema is gone")
        page.next("It is ended when")


@pytest.mark.usefixtures("unchanged")
def test_rows_of_one_image_are_deleted_and_changed(lake: Lake) -> None:
    lake.lab.sql("DELETE FROM pred_bounding_box WHERE transaction_id = 17 AND pred_bbox_id % 5 = 1")
    lake.lab.sql("UPDATE pred_bounding_box SET pred_class = pred_class + 1 WHERE transaction_id = 17 LIMIT 2")
    lake.lab.sql("UPDATE transaction SET cs_thr = 0.9 WHERE transaction_id = 17")
    with lake.desk.page("rows-lost") as page:
        output = page.fails("Look")
        assert '"inserted": 1' in output
        assert "3 rows are in the target with other values" in output
        assert "3 rows are in the target with other values" in page.fails("Do")
        page.next("Do")
        page.next("Do")
        assert "(17, 17, " in page.next("Do")
        page.next("Do")
        assert '"inserted": 1' not in page.next("It is ended when")
        page.next("It is ended when")


@pytest.mark.usefixtures("unchanged")
def test_a_prefix_is_deleted_and_an_object_written_over(lake: Lake) -> None:
    s3 = lake.aws.client("s3")
    keys = [f"xray-images/a patient's {number}.png" for number in range(1, 8)]
    for key in keys:
        s3.put_object(Bucket=lake.bucket, Key=key, Body=key.encode())
    stored = s3.list_objects_v2(Bucket=lake.bucket, Prefix="backup/v1/snapshot")["Contents"]
    backup = [item["Key"] for item in sorted(stored, key=lambda item: item["LastModified"])]
    for key in [*keys, *backup]:
        s3.delete_object(Bucket=lake.bucket, Key=key)
    code, output = lake.run("restore")
    assert code != 0
    assert "is missing" in output

    with lake.desk.page("objects-deleted") as page:
        looks, undeletes = page.next("Look"), page.left[1]
        assert looks.count("a patient's") == 7
        page.next("Look")
        page.next("Do")
        assert [
            item["Key"] for item in s3.list_objects_v2(Bucket=lake.bucket, Prefix="xray-images/")["Contents"]
        ] == keys
        # The same for the backups.
        assert lake.desk.shell.run(f"PREFIX=backup/\n{undeletes.text}")[0] == 0
        wrong = s3.put_object(Bucket=lake.bucket, Key=backup[-1], Body=b"not a backup")["VersionId"]
        code, output = lake.run("restore")
        assert code != 0
        assert "was changed: 12 bytes" in output
        page.next("Do", KEY=backup[-1], WRONG=wrong)
        denied = {"Effect": "Deny", "Principal": "*", "Resource": f"arn:aws:s3:::{lake.bucket}/*"}
        statements = [
            {"Sid": sid, "Action": action} | denied
            for sid, action in {"DenyOverwrite": "s3:PutObject", "DenyDeletion": "s3:DeleteObjectVersion"}.items()
        ]
        policy = {"Version": "2012-10-17", "Statement": statements}
        s3.put_bucket_policy(Bucket=lake.bucket, Policy=json.dumps(policy))
        page.next("In a bucket of backups of its own")
        in_force = json.loads(s3.get_bucket_policy(Bucket=lake.bucket)["Policy"])
        assert in_force == policy | {"Statement": statements[:1]}
        page.next("In a bucket of backups of its own")
        assert json.loads(s3.get_bucket_policy(Bucket=lake.bucket)["Policy"]) == policy
        s3.delete_bucket_policy(Bucket=lake.bucket)
        assert '"would_restore"' in page.next("It is ended when")


def test_no_backup_for_a_week(lake: Lake) -> None:
    lake.aws.client("glue").create_trigger(
        Name="weekly",
        Type="SCHEDULED",
        Schedule="cron(0 3 ? * SUN *)",
        Actions=[{"JobName": lake.desk.shell.run("echo $BACKUP_JOB")[1]}],
    )
    with lake.desk.page("no-proved-backup") as page:
        assert "SUCCEEDED" in page.next("Look")
        assert "SUCCEEDED" in page.next("Do")
        assert "weekly" in page.next("Do")
        assert "snapshot-" in page.next("It is ended when")


def test_the_database_is_short_of_something(lake: Lake) -> None:
    with lake.desk.page("database-load") as page:
        assert "available" in page.next("Look")
        assert "root" in page.next("Look")
        page.next("Do")
        assert _instance(lake)["AllocatedStorage"] == 200
        page.next("It is ended when")


def _instance(lake: Lake) -> dict[str, Any]:
    name = lake.desk.shell.run("echo $DB")[1]
    found: dict[str, Any] = lake.aws.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    return found


def _table_of(page: str) -> list[list[str]]:
    """The messages of each row of the page's table under "Decide"."""
    rows = re.findall(r"^\| (.*?) +\|", (RUNBOOK / f"{page}.md").read_text().partition("## Decide")[2], re.M)
    return [re.findall(r"`([^`]+)`", row) for row in rows if "`" in row]


def _rows_that_match(page: str, error: str) -> list[list[str]]:
    def says(message: str) -> bool:
        return re.search(".*?".join(map(re.escape, message.split("…"))), error) is not None

    return [row for row in _table_of(page) if any(map(says, row))]


@contextmanager
def _deleted_secret(lake: Lake) -> Iterator[None]:
    secrets, name = lake.aws.client("secretsmanager"), f"{lake.bucket}-backup"
    secrets.delete_secret(SecretId=name, RecoveryWindowInDays=30)
    yield
    secrets.restore_secret(SecretId=name)


@contextmanager
def _other_secret(lake: Lake, **values: Any) -> Iterator[None]:
    secrets, name = lake.aws.client("secretsmanager"), f"{lake.bucket}-backup"
    before = secrets.get_secret_value(SecretId=name)["SecretString"]
    # Twice: a job that is refused takes the version before, too.
    for turn in range(2):
        secrets.put_secret_value(SecretId=name, SecretString=json.dumps(json.loads(before) | values | {"turn": turn}))
    yield
    secrets.put_secret_value(SecretId=name, SecretString=before)


@contextmanager
def _sql(lake: Lake, statement: str, back: str) -> Iterator[None]:
    with lake.lab.server.connect("x_ray") as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        yield
        cursor.execute(back)


# A fault, and words of the message by which the page's row is found.
FAULTS: dict[str, Callable[[Lake], AbstractContextManager[None]]] = {
    "cannot read secret …: InvalidRequestException": _deleted_secret,
    "refused user …": lambda lake: _other_secret(lake, password="another"),
    "does not answer: check host, port and security group": lambda lake: _other_secret(lake, port=1),
    "user … lacks …": lambda lake: _sql(
        lake, "REVOKE SELECT ON x_ray.image FROM xray_backup", "GRANT SELECT ON x_ray.image TO xray_backup"
    ),
    "another backup, purge or restore is at work on MySQL": lambda lake: _sql(
        lake,
        f"SELECT GET_LOCK('xray_backup.{hashlib.sha256(b'x_ray').hexdigest()[:16]}', 1)",
        f"SELECT RELEASE_LOCK('xray_backup.{hashlib.sha256(b'x_ray').hexdigest()[:16]}')",
    ),
    "is of a day to come": lambda _: nullcontext(),
}


@pytest.mark.parametrize("message", FAULTS)
def test_the_page_has_the_message_of_each_failed_backup(lake: Lake, message: str) -> None:
    slot = "2999-01-01" if message == "is of a day to come" else "failed"
    with FAULTS[message](lake):
        code, output = lake.run("backup", run_slot=slot)
    assert code != 0
    error = output.strip().splitlines()[-1]
    assert [message in row for row in _rows_that_match("backup-failed", error)] == [True], error


def test_a_backup_failed(lake: Lake) -> None:
    with lake.desk.page("backup-failed") as page:
        with _other_secret(lake, password="another"):
            assert lake.run("backup")[0] != 0
            assert "refused user 'xray_backup'" in page.next("Look").splitlines()[0]
            page.next("Look")
            check = page.left[1]
            assert "refused user 'xray_backup'" in lake.desk.shell.run(check.text)[1]
        assert "SUCCEEDED" in page.next("Do")
        assert "SUCCEEDED" in page.next("Check")
        assert "snapshot-" in page.next("It is ended when")


def test_a_purge_and_a_restore_failed(lake: Lake) -> None:
    assert lake.run("restore", backups="snapshot-of-another-day")[0] != 0
    with lake.desk.page("purge-or-restore-failed") as page:
        page.next("Look")
        assert lake.desk.shell.run("last_runs $RESTORE_JOB | head -1")[1].count("there is no backup") == 1
        assert "would_restore" in page.next("Do")
        page.next("It is ended when")


def _all_messages() -> str:
    """Every message of the package: texts that stand side by side are one, and `…` is put for what is filled in."""
    source = "\n".join(path.read_text() for path in (REPOSITORY / "glue" / "xray_backup").glob("*.py"))
    joined = re.sub(r"\"\s*\n?\s*f?\"", "", source)
    return re.sub(r"\{[^{}]*\}", "…", joined)


# Of AWS, of the system, or of Glue itself.
OTHERS = {"AccessDenied", "AccessDeniedException", "InvalidRequestException", "ResourceNotFoundException"}
OTHERS |= {"No space left on device", "TIMEOUT"}


@pytest.mark.parametrize("page", ["backup-failed", "purge-or-restore-failed"])
def test_each_message_of_a_page_is_one_of_the_package(page: str) -> None:
    known = _all_messages()
    for message in [message for row in _table_of(page) for message in row]:
        for part in re.split(r"…|:|; ", message):
            assert part.strip(" '") in known or part.strip() in OTHERS, f"{page}: {message}"


def test_an_account_is_locked_and_its_old_password_discarded(lake: Lake) -> None:
    server: dict[str, Any] = {"host": lake.lab.server.host, "port": lake.lab.server.port, "user": "xray_app"}
    with lake.desk.page("secret-lost-or-leaked") as page:
        page.next("Do")
        with pytest.raises(pymysql.err.OperationalError, match="locked"):
            pymysql.connect(**server, password="xray_app")
        lake.lab.sql("ALTER USER 'xray_app'@'%' IDENTIFIED BY 'new' RETAIN CURRENT PASSWORD ACCOUNT UNLOCK")
        for password in ("xray_app", "new"):
            pymysql.connect(**server, password=password).close()
        page.next("Do")
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        pymysql.connect(**server, password="xray_app")
    pymysql.connect(**server, password="new").close()


def test_each_page_is_used_in_a_test() -> None:
    here = Path(__file__).read_text()
    used_here = [page for page in pages() if any(block.runs_here for block in blocks_of(page))]
    assert [page for page in used_here if f'desk.page("{page}")' not in here] == []


@pytest.mark.parametrize("page", pages())
def test_what_only_aws_can_run_is_understood_by_its_command_line(lake: Lake, page: str) -> None:
    """The AWS CLI looks at names and types of all arguments, by AWS's own model, and sends nothing."""
    for block in blocks_of(page):
        if block.reason is None or block.language != "sh":
            continue
        assert len(block.reason) > 20
        looks = 'aws() { command aws "$@" --generate-cli-skeleton output > /dev/null; }; npx() { :; }; cd() { :; }'
        code, output = lake.desk.shell.run(f"({looks}\nset -e\n{block.text}\n)")
        assert code == 0, f"{block.text}{output}"


def test_every_link_to_a_heading_leads_to_one() -> None:
    anchors = {}
    for path in (REPOSITORY / "docs").rglob("*.md"):
        headings = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
        anchors[path] = {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
    for path in RUNBOOK.glob("*.md"):
        for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", path.read_text()):
            file = (path.parent / target).resolve() if target else path
            assert anchor in anchors[file], f"{path.name}: {target}#{anchor}"


# The last: today's backup is a copy then, which a second run of the day refuses.
@pytest.mark.usefixtures("unchanged")
def test_the_region_is_gone(lake: Lake) -> None:
    s3, copy = lake.aws.client("s3"), f"{lake.bucket}-copy"
    s3.create_bucket(Bucket=copy, CreateBucketConfiguration={"LocationConstraint": REGION})
    stored = {item["Key"]: item["ETag"] for item in s3.list_objects_v2(Bucket=lake.bucket)["Contents"]}
    with lake.desk.page("region-gone") as page:
        # The copy is made before, so its block is taken first.
        page.left.insert(0, page.left.pop())
        page.next("Before", COPY_BUCKET=copy, LAKE_REGION=REGION)
        page.next("Look", COPY_BUCKET=copy)
        for version in s3.list_object_versions(Bucket=lake.bucket, Prefix="backup/")["Versions"]:
            s3.delete_object(Bucket=lake.bucket, Key=version["Key"], VersionId=version["VersionId"])
        for table in reversed(TABLES):
            lake.lab.sql(f"DELETE FROM {table}")
        assert lake.run("restore")[0] != 0
        page.next("Do")
        copied = {
            item["Key"]: item["ETag"] for item in s3.list_objects_v2(Bucket=lake.bucket, Prefix="backup/")["Contents"]
        }
        assert all(stored[key] != etag for key, etag in copied.items())
        assert f'"inserted": {TRANSACTIONS}' in page.next("Do")
        page.next("It is ended when")
