"""`check`: every step passes where all is well, and each thing that is wrong is told in its own line."""

from __future__ import annotations

import contextlib
import json
import re
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import WEEK, Authority
from tests.support.clock import set_this_machine_s_clock
from tests.support.faulty_s3 import Fault, FaultyS3
from tests.support.lab import TABLES, Emulator, Lab, Recorded, command
from tests.support.mysql_server import REPOSITORY, MySqlServer, free_port
from xray_backup.arguments import parse_command_line
from xray_backup.commands import execute_command
from xray_backup.database import Database, ssl_context
from xray_backup.errors import BackupError
from xray_backup.glue_job import run_job
from xray_backup.store import S3Store
from xray_backup.terminal import Terminal

PURGED = ("transaction", "pred_bounding_box")
RIGHTS: dict[str, dict[str, Sequence[str]]] = {
    "backup": {"SELECT": TABLES},
    "purge": {"SELECT": TABLES, "DELETE": PURGED, "TRIGGER": PURGED, "REFERENCES": ()},
    "restore": {"SELECT": TABLES, "INSERT": TABLES},
}
CONNECTION = ["secret", "name", "TCP", "TLS", "log-in"]
STORE = ["store put", "store get", "store refusal", "key"]
PASSWORD = "the-user-s-own"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def steps_of(job: str) -> list[str]:
    return [*CONNECTION, *(f"rights {right}" for right in RIGHTS[job]), "schema", *STORE, "clock"]


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authorities"), "Hospital Root")


@contextlib.contextmanager
def shows(server: MySqlServer, authority: Authority, host: str, lasts: timedelta = WEEK) -> Iterator[None]:
    """The server shows a certificate for `host`; the one of before at the end."""
    if not server.folder_of_its_own:
        pytest.skip("the server of MYSQL_URL is not ours to give a certificate")
    with server.connect() as connection, connection.cursor() as cursor:

        def reload(*files: str) -> None:
            cursor.execute("SET GLOBAL ssl_ca = %s, GLOBAL ssl_cert = %s, GLOBAL ssl_key = %s", files)
            cursor.execute("ALTER INSTANCE RELOAD TLS")

        cursor.execute("SELECT @@ssl_ca, @@ssl_cert, @@ssl_key")
        before = cursor.fetchone()
        assert before
        files = authority.sign(host, lasts)
        reload(str(files.authority), str(files.certificate), str(files.key))
        try:
            yield
        finally:
            reload(*before)


@pytest.fixture(scope="module")
def named_server(server: MySqlServer, authorities: Authority) -> Iterator[MySqlServer]:
    """The server with a certificate for its own address."""
    with shows(server, authorities, server.host):
        yield server


@contextlib.contextmanager
def user_of(lab: Lab, job: str, without: tuple[str, str] = ("", "")) -> Iterator[str]:
    """A user with the rights that `job` needs, and without one of them on one table."""
    name = f"xray_{job}_{lab.schema[-8:]}"
    lab.sql(f"CREATE USER '{name}'@'%' IDENTIFIED BY '{PASSWORD}'")
    try:
        for right, tables in RIGHTS[job].items():
            for table in tables or ["*.*"]:
                target = table if table == "*.*" else f"`{lab.schema}`.`{table}`"
                if (right, table) != without:
                    lab.sql(f"GRANT {right} ON {target} TO '{name}'@'%'")
        yield name
    finally:
        lab.sql(f"DROP USER '{name}'@'%'")


class Checked:
    """Result of a check; `states` and `texts` by step."""

    def __init__(self, events: Recorded, error: str) -> None:
        told = events.of("check")
        self.order = [step["step"] for step in told]
        self.states = {step["step"]: step["state"] for step in told}
        self.texts = {step["step"]: step["text"] for step in told}
        self.counts = events.of("checked")[0]
        self.error = error

    def of(self, state: str) -> list[str]:
        return [step for step, found in self.states.items() if found == state]


def checked(
    lab: Lab,
    emulator: Emulator,
    *more: str,
    job: str = "backup",
    ca: Path | None = None,
    endpoint: str | None = None,
    secret: dict[str, Any] | None = None,
) -> Checked:
    options = [
        "check", "--for", job, "--store", lab.store.url, "--endpoint-url", endpoint or emulator.url,
        "--secret-id", lab.secret(emulator, **(secret or {})), *(["--ssl-ca", str(ca)] if ca else []), *more,
    ]  # fmt: skip
    events, error = Recorded(), ""
    try:
        execute_command(parse_command_line(options), events)
    except BackupError as refusal:
        error = str(refusal) if refusal.exit_code == 1 else "another exit code"
    result = Checked(events, error)
    assert bool(error) == bool(result.of("failed"))
    assert "\n" not in error + "".join(result.texts.values())
    assert PASSWORD not in error + json.dumps(events.events)
    return result


def fails(result: Checked, step: str, message: str, skipped: list[str]) -> None:
    """One step failed, with this message; what needed it was not tried, all else passed."""
    assert result.of("failed") == [step]
    assert re.search(message, result.texts[step]), result.texts[step]
    assert result.of("skipped") == skipped
    assert result.error.endswith(f"{step} failed: {result.texts[step]}")


@pytest.mark.parametrize("job", RIGHTS)
@pytest.mark.usefixtures("named_server")
def test_every_step_of_each_job_passes(s3_lab: Lab, emulator: Emulator, authorities: Authority, job: str) -> None:
    s3_lab.fill(3)
    rows = {table: s3_lab.rows(table) for table in TABLES}
    with user_of(s3_lab, job) as user:
        result = checked(
            s3_lab, emulator, job=job, ca=authorities.file, secret={"username": user, "password": PASSWORD}
        )
    assert result.order == steps_of(job)
    assert result.of("passed") == steps_of(job)
    assert result.counts == {"job": job, "passed": len(steps_of(job)), "warning": 0, "failed": 0, "skipped": 0}
    assert result.texts["name"] == "127.0.0.1 is 127.0.0.1"
    assert result.texts["TLS"] == "TLSv1.3, verified by Hospital Root (VERIFY_IDENTITY)"
    assert result.texts["log-in"].startswith(f"{user}@% on ")
    assert {table: s3_lab.rows(table) for table in TABLES} == rows
    # One object, and nothing else.
    (left,) = s3_lab.store.list("")
    assert re.fullmatch(r"v1/_checks/\d{8}T\d{6}Z-[0-9a-f]{8}\.json", left.key)


@pytest.mark.usefixtures("named_server")
def test_a_folder_can_be_checked_too(lab: Lab, emulator: Emulator, authorities: Authority) -> None:
    result = checked(lab, emulator, ca=authorities.file)
    assert result.of("passed") == steps_of("backup")
    assert len(list(lab.store.list(""))) == 1


@pytest.mark.usefixtures("named_server")
def test_the_python_of_glue_6_trusts_authorities_as_those_of_rds(
    s3_lab: Lab,
    emulator: Emulator,
    authorities: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python 3.13 turns two flags on by default; one of them refuses basic constraints that are not critical."""
    default = ssl.create_default_context

    def of_python_3_13(*arguments: Any, **options: Any) -> ssl.SSLContext:
        context = default(*arguments, **options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
        return context

    monkeypatch.setattr(ssl, "create_default_context", of_python_3_13)
    ssl_context.cache_clear()
    Database(s3_lab.database().secret, "VERIFY_IDENTITY", authorities.file).connect().close()
    assert checked(s3_lab, emulator, ca=authorities.file).of("passed") == steps_of("backup")
    ssl_context.cache_clear()


def test_a_host_that_no_name_server_knows(s3_lab: Lab, emulator: Emulator) -> None:
    result = checked(s3_lab, emulator, secret={"host": "no-such-database.invalid"})
    message = r"^no-such-database\.invalid has no address here \(.*\): check the host in the secret"
    fails(result, "name", message, ["TCP", "TLS", "log-in", "rights SELECT", "schema", "clock"])
    assert result.texts["schema"] == "needs rights SELECT"


def test_a_port_on_which_nothing_listens(s3_lab: Lab, emulator: Emulator) -> None:
    port = free_port()
    result = checked(s3_lab, emulator, secret={"port": port})
    message = f"^127.0.0.1:{port} refuses: nothing listens there; check the port in the secret$"
    fails(result, "TCP", message, ["TLS", "log-in", "rights SELECT", "schema", "clock"])


WITHOUT_LOG_IN = ["log-in", "rights SELECT", "schema", "clock"]


def test_a_port_on_which_something_else_listens(s3_lab: Lab, emulator: Emulator) -> None:
    """A web server waits for a request, as a database that is reached through a wrong proxy does."""
    result = checked(s3_lab, emulator, secret={"port": emulator.port})
    fails(result, "TLS", r"^no MySQL server greets at 127.0.0.1:\d+ \(timed out\): check host", WITHOUT_LOG_IN)


@pytest.mark.usefixtures("named_server")
def test_an_authority_that_this_machine_does_not_trust(s3_lab: Lab, emulator: Emulator) -> None:
    message = "^its certificate is signed by 'Hospital Root', which is not among the authorities of --ssl_ca rds: name"
    fails(checked(s3_lab, emulator), "TLS", message, WITHOUT_LOG_IN)


def test_a_certificate_for_another_host(
    s3_lab: Lab, emulator: Emulator, server: MySqlServer, authorities: Authority
) -> None:
    with shows(server, authorities, "db.hospital.example"):
        result = checked(s3_lab, emulator, ca=authorities.file)
        message = "^its certificate is for db.hospital.example, not for 127.0.0.1: name the server so in the secret"
        fails(result, "TLS", message, WITHOUT_LOG_IN)
        without_name = checked(s3_lab, emulator, "--ssl-mode", "VERIFY_CA", ca=authorities.file)
    assert without_name.texts["TLS"] == "TLSv1.3, verified by Hospital Root (VERIFY_CA)"


def test_a_certificate_that_has_ended(
    s3_lab: Lab, emulator: Emulator, server: MySqlServer, authorities: Authority
) -> None:
    # MySQL takes none that has ended already.
    with shows(server, authorities, server.host, timedelta(seconds=2)):
        time.sleep(2.5)
        result = checked(s3_lab, emulator, ca=authorities.file)
    fails(result, "TLS", r"^its certificate ended on \w{3} .* GMT: give the server a new one$", WITHOUT_LOG_IN)


@pytest.mark.parametrize("mode", ["REQUIRED", "DISABLED"])
def test_a_server_that_is_not_verified_is_a_warning(s3_lab: Lab, emulator: Emulator, mode: str) -> None:
    result = checked(s3_lab, emulator, "--ssl-mode", mode)
    assert result.of("warning") == ["TLS"]
    assert f"(--ssl_mode {mode})" in result.texts["TLS"]
    assert not result.of("failed") + result.of("skipped")


def test_a_bundle_of_authorities_that_is_not_there(s3_lab: Lab, emulator: Emulator) -> None:
    result = checked(s3_lab, emulator, ca=Path("nowhere.pem"))
    message = "^cannot use certificates in --ssl_ca nowhere.pem: No such file or directory$"
    fails(result, "TLS", message, WITHOUT_LOG_IN)


def test_a_wrong_password(s3_lab: Lab, emulator: Emulator) -> None:
    result = checked(s3_lab, emulator, "--ssl-mode", "REQUIRED", secret={"password": f"{PASSWORD}-once"})
    message = "refused user 'root': check the user and the password in the secret"
    fails(result, "log-in", message, ["rights SELECT", "schema", "clock"])


@pytest.mark.parametrize(
    ("job", "right", "table"),
    [
        ("backup", "SELECT", "image"),
        ("purge", "SELECT", "transaction"),
        ("purge", "DELETE", "pred_bounding_box"),
        ("purge", "TRIGGER", "transaction"),
        ("purge", "REFERENCES", "*.*"),
        ("restore", "SELECT", "transaction"),
        ("restore", "INSERT", "transaction"),
    ],
)
def test_a_missing_grant_is_told_with_the_statement_that_gives_it(
    s3_lab: Lab, emulator: Emulator, job: str, right: str, table: str
) -> None:
    with user_of(s3_lab, job, without=(right, table)) as user:
        secret = {"username": user, "password": PASSWORD}
        result = checked(s3_lab, emulator, "--ssl-mode", "REQUIRED", job=job, secret=secret)
        grant = result.texts[f"rights {right}"].partition(": ")[2]
        target = r"\*.\*" if table == "*.*" else f"`{s3_lab.schema}`"
        message = (
            rf"^user '{user}' lacks {right}( \(which shows .*\))? on {re.escape(table)}: GRANT {right} ON {target}"
        )
        fails(result, f"rights {right}", message, ["schema"] if right == "SELECT" else [])
        s3_lab.sql(grant)
        assert not checked(s3_lab, emulator, "--ssl-mode", "REQUIRED", job=job, secret=secret).error


def test_rights_that_a_role_gives_are_rights(s3_lab: Lab, emulator: Emulator) -> None:
    role = f"role_{s3_lab.schema[-8:]}"
    with user_of(s3_lab, "purge", without=("DELETE", "transaction")) as user:
        s3_lab.sql(f"CREATE ROLE '{role}'")
        s3_lab.sql(f"GRANT DELETE ON `{s3_lab.schema}`.* TO '{role}'")
        s3_lab.sql(f"GRANT '{role}' TO '{user}'@'%'")
        s3_lab.sql(f"SET DEFAULT ROLE '{role}' TO '{user}'@'%'")
        secret = {"username": user, "password": PASSWORD}
        result = checked(s3_lab, emulator, "--ssl-mode", "REQUIRED", job="purge", secret=secret)
        s3_lab.sql(f"DROP ROLE '{role}'")
    assert not result.error


@pytest.mark.parametrize("job", ["purge", "restore"])
def test_a_server_that_takes_no_writes(s3_lab: Lab, emulator: Emulator, job: str) -> None:
    right = list(RIGHTS[job])[1]
    with user_of(s3_lab, job) as user:
        secret = {"username": user, "password": PASSWORD}
        s3_lab.sql("SET GLOBAL read_only = ON")
        try:
            result = checked(s3_lab, emulator, "--ssl-mode", "REQUIRED", job=job, secret=secret)
        finally:
            s3_lab.sql("SET GLOBAL read_only = OFF")
    fails(result, f"rights {right}", f"^the server takes no {right}: it is read-only, as a replica is; name", [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("DROP TABLE pred_bounding_box", "pred_bounding_box does not exist, or this user may not read it: apply the"),
        ("ALTER TABLE image ADD COLUMN found VECTOR(3)", "column 'found' of table .*image: column type 'vector"),
        ("CREATE TABLE log (id INT PRIMARY KEY) ENGINE = MyISAM", "table .*log is of engine MyISAM: only InnoDB"),
    ],
)
def test_a_schema_that_cannot_be_backed_up(s3_lab: Lab, emulator: Emulator, change: str, message: str) -> None:
    s3_lab.sql(change)
    result = checked(s3_lab, emulator, "--ssl-mode", "REQUIRED")
    fails(result, "schema", message, [])


def test_a_bucket_that_is_not_there(s3_lab: Lab, emulator: Emulator) -> None:
    result = checked(s3_lab, emulator, "--ssl-mode", "REQUIRED", "--store", "s3://no-such-bucket/backup")
    message = "^cannot write s3://no-such-bucket/.*: NoSuchBucket; make the bucket first, or correct --store$"
    fails(result, "store put", message, ["store get", "store refusal", "key"])


@pytest.mark.parametrize(
    ("fault", "only", "step", "message", "skipped"),
    [
        ("denied", "PUT .*/_checks/", "store put", "AccessDenied; this role may not write there$",
         ["store get", "store refusal", "key"]),
        ("denied", "GET .*/_checks/", "store get", "AccessDenied; this role may not read there$",
         ["store refusal", "key"]),
        ("unconditional", "PUT .*/_checks/", "store refusal", "^a second put over the object was not refused: ",
         []),
        ("no key", "PUT .*/_checks/", "key", "lacks kms:GenerateDataKey on the bucket's KMS key: allow it",
         ["store put", "store get", "store refusal"]),
        ("no key", "GET .*/_checks/", "key", "lacks kms:GenerateDataKey on the bucket's KMS key: allow it",
         ["store get", "store refusal"]),
    ],
)  # fmt: skip
def test_a_store_that_refuses_or_does_not_refuse(
    s3_lab: Lab, emulator: Emulator, fault: Fault, only: str, step: str, message: str, skipped: list[str]
) -> None:
    proxy = FaultyS3(emulator.url, [fault], 1.0, only)
    try:
        result = checked(s3_lab, emulator, "--ssl-mode", "REQUIRED", endpoint=proxy.url)
    finally:
        proxy.close()
    assert proxy.hits[fault]
    fails(result, step, message, skipped)


def encrypt(emulator: Emulator, bucket: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}}
    emulator.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def test_the_key_that_the_bucket_encrypts_with_is_told(s3_lab: Lab, emulator: Emulator) -> None:
    assert isinstance(s3_lab.store, S3Store)
    encrypt(emulator, s3_lab.store.bucket)
    assert checked(s3_lab, emulator, "--ssl-mode", "REQUIRED").texts["key"] == f"aws:kms {KEY}"


@pytest.mark.parametrize(("minutes", "state"), [(4, "passed"), (-6, "warning"), (6, "warning")])
def test_clocks_that_are_more_than_five_minutes_apart(
    s3_lab: Lab, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, minutes: int, state: str
) -> None:
    set_this_machine_s_clock(monkeypatch, minutes / 60)
    result = checked(s3_lab, emulator, "--ssl-mode", "REQUIRED")
    assert result.states["clock"] == state
    offset = timedelta(minutes=-minutes).total_seconds()
    told = [float(found) for found in re.findall(r"(?:database|store) ([+-]\d+) s", result.texts["clock"])]
    assert told == [pytest.approx(offset, abs=3)] * 2
    assert not result.error


@pytest.mark.parametrize("job", RIGHTS)
def test_a_secret_that_is_not_there(s3_lab: Lab, emulator: Emulator, job: str) -> None:
    result = checked(s3_lab, emulator, "--ssl-mode", "REQUIRED", "--secret-id", "none", job=job)
    message = "^cannot read secret 'none': ResourceNotFoundException; no secret has that name in this region: check"
    fails(result, "secret", message, [step for step in steps_of(job) if step not in ("secret", *STORE)])


def test_a_secret_that_this_role_may_not_read(s3_lab: Lab, emulator: Emulator) -> None:
    proxy = FaultyS3(emulator.url, ["denied secret"], 1.0, "POST ")
    try:
        result = checked(s3_lab, emulator, "--ssl-mode", "REQUIRED", endpoint=proxy.url)
    finally:
        proxy.close()
    message = (
        "AccessDeniedException; let this role call secretsmanager:GetSecretValue on it, and kms:Decrypt on its key$"
    )
    fails(result, "secret", message, [step for step in steps_of("backup") if step not in ("secret", *STORE)])


@pytest.mark.parametrize("job", RIGHTS)
def test_a_job_checks_by_its_run_mode_and_ends_with_one_line(
    s3_lab: Lab,
    emulator: Emulator,
    job: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Glue's arguments, without Spark: the driver does it all."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.url)
    needed = {"purge": ["--older_than_days", "30"], "restore": ["--backups", "latest"]}
    arguments = [
        "--JOB_NAME", job, "--store", s3_lab.store.url, "--secret_id", s3_lab.secret(emulator),
        "--ssl_mode", "REQUIRED", "--run_mode", "check", *needed.get(job, []),
    ]  # fmt: skip
    run_job(job, arguments, None)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["step"] for line in lines if line["event"] == "check"] == steps_of(job)
    assert all({"time", "step", "state", "text"} <= line.keys() for line in lines[:-1])
    s3_lab.sql("ALTER TABLE image ADD COLUMN found VECTOR(3)")
    with pytest.raises(SystemExit, match=f"^xray_backup: check of {job}: schema failed: column 'found' of table"):
        run_job(job, arguments, None)


def test_the_command_on_a_terminal_ends_with_one_line(s3_lab: Lab, emulator: Emulator) -> None:
    with user_of(s3_lab, "purge", without=("DELETE", "pred_bounding_box")) as user:
        options = s3_lab.options(emulator, username=user, password=PASSWORD)
        process = command("check", "--for", "purge", *options)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors.startswith(f"xray_backup: check of purge: rights DELETE failed: user '{user}' lacks DELETE on pred")
    assert errors.count("\n") == 1
    assert [line[0] for line in output.splitlines() if line[0] != " "] == list("✓✓✓!✓✓✗✓✓✓✓✓✓✓✓p")
    assert max(map(len, output.splitlines())) <= 100


PAGE = REPOSITORY / "docs" / "backup" / "README.md"


@pytest.mark.usefixtures("named_server")
def test_the_page_shows_what_a_terminal_shows(
    s3_lab: Lab, emulator: Emulator, authorities: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a hospital's names in place of the test's."""
    assert isinstance(s3_lab.store, S3Store)
    encrypt(emulator, s3_lab.store.bucket)
    with user_of(s3_lab, "purge", without=("DELETE", "pred_bounding_box")) as user:
        secret = {"username": user, "password": PASSWORD}
        result = checked(s3_lab, emulator, job="purge", ca=authorities.file, secret=secret)
    names: dict[str, str | Callable[[re.Match[str]], str]] = {
        user: "xray_purge",
        s3_lab.schema: "x_ray",
        s3_lab.store.bucket: "hospital-lake",
        "is 127.0.0.1": "is 10.0.20.7",
        f"127.0.0.1(:{s3_lab.server.port})?": lambda found: "xray.hospital.example" + (":3306" if found[1] else ""),
        r" on [89]\.\S+": " on 8.4.6",
        "Hospital Root": "Amazon RDS eu-central-1 Root CA RSA2048 G1",
        r"_checks/\S+": "_checks/20261126T063000Z-5d1f0c2e.json",
        r"[+-]\d s": "+0 s",
    }
    terminal = Terminal()
    for step in result.order:
        text = result.texts[step]
        for pattern, name in names.items():
            text = re.sub(pattern, name, text)
        terminal("check", step=step, state=result.states[step], text=text)
    terminal("checked", **result.counts)
    shown = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines())
    assert shown in PAGE.read_text(), shown
