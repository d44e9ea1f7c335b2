"""A password that is changed under a running job: the secret is read again, as it is now and as it was before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.lab import Emulator, Lab
from xray_backup.database import Database, query
from xray_backup.errors import BackupError


class Rotated:
    """A database user and its secret; each side of a rotation is a step of its own, as in a deploy."""

    def __init__(self, lab: Lab, emulator: Emulator) -> None:
        self._lab, self._emulator = lab, emulator
        self.user = f"rotated_{lab.schema[-8:]}"
        lab.sql(f"CREATE USER '{self.user}'@'%' IDENTIFIED BY 'password-1'")
        lab.sql(f"GRANT SELECT ON `{lab.schema}`.* TO '{self.user}'@'%'")
        self._secret = lab.secret(emulator, username=self.user, password="password-1")

    def open(self) -> Database:
        return Database.open(self._secret, self._emulator.url, "REQUIRED", None)

    def write_secret(self, password: str, **changes: Any) -> None:
        client = self._emulator.client("secretsmanager")
        document = json.loads(client.get_secret_value(SecretId=self._secret)["SecretString"])
        text = json.dumps(document | {"password": password} | changes)
        client.put_secret_value(SecretId=self._secret, SecretString=text)

    def change_password(self, password: str, more: str = "RETAIN CURRENT PASSWORD") -> None:
        self._lab.sql(f"ALTER USER '{self.user}'@'%' IDENTIFIED BY '{password}' {more}")

    def discard_old_password(self) -> None:
        self._lab.sql(f"ALTER USER '{self.user}'@'%' DISCARD OLD PASSWORD")

    def drop(self) -> None:
        self._lab.sql(f"DROP USER '{self.user}'@'%'")

    def logs_in(self, database: Database) -> bool:
        with database.session() as connection:
            return str(query(connection, "SELECT CURRENT_USER()")[0][0]) == f"{self.user}@%"

    def refused(self) -> int:
        return int(self._lab.sql("SHOW GLOBAL STATUS LIKE 'Aborted_connects'")[0][1])


@pytest.fixture
def rotated(lab: Lab, emulator: Emulator) -> Iterator[Rotated]:
    user = Rotated(lab, emulator)
    yield user
    user.drop()


def test_a_job_that_starts_between_the_secret_and_the_server_logs_in_by_the_password_before(rotated: Rotated) -> None:
    rotated.write_secret("password-2")
    assert rotated.logs_in(rotated.open())


def test_a_running_job_logs_in_at_every_step_of_two_rotations(rotated: Rotated) -> None:
    running = rotated.open()
    for password in ("password-2", "password-3"):
        rotated.write_secret(password)
        assert rotated.logs_in(running)
        rotated.change_password(password)
        assert rotated.logs_in(running)
        assert rotated.logs_in(rotated.open())
        rotated.discard_old_password()
        assert rotated.logs_in(running)


def test_a_password_that_was_refused_is_not_tried_at_each_connection(rotated: Rotated) -> None:
    running = rotated.open()
    rotated.write_secret("password-2")
    rotated.change_password("password-2", "")
    before = rotated.refused()
    for _ in range(5):
        assert rotated.logs_in(running)
    assert rotated.refused() - before == 1


def test_a_password_that_neither_version_of_the_secret_has_is_refused_once_each(rotated: Rotated) -> None:
    rotated.write_secret("password-2")
    rotated.change_password("password-3", "")
    before = rotated.refused()
    with pytest.raises(BackupError, match=f"refused user '{rotated.user}'") as caught:
        rotated.logs_in(rotated.open())
    assert rotated.refused() - before == 2
    assert "password-" not in str(caught.value)


def test_a_secret_of_one_version_that_is_refused_ends_in_the_refusal(rotated: Rotated) -> None:
    rotated.change_password("password-2", "")
    with pytest.raises(BackupError, match=f"refused user '{rotated.user}'"):
        rotated.logs_in(rotated.open())


@pytest.mark.parametrize("changes", [{"host": "localhost"}, {"port": 1}, {"dbname": "other"}])
def test_a_run_does_not_go_on_on_another_server(rotated: Rotated, changes: dict[str, Any]) -> None:
    running = rotated.open()
    rotated.write_secret("password-2", **changes)
    rotated.change_password("password-2", "")
    with pytest.raises(BackupError, match=f"refused user '{rotated.user}'"):
        rotated.logs_in(running)
