"""A secret that is not as RDS writes them is refused in one line, without a value of it."""

from __future__ import annotations

import json

import pytest

from tests.support.lab import Emulator
from xray_backup.database import Secret, read_secret
from xray_backup.errors import UsageError

RDS = {
    "engine": "mysql", "host": "db", "port": 3307, "username": "u", "password": "hidden", "dbname": "x_ray",
}  # fmt: skip


@pytest.fixture
def kept(emulator: Emulator, request: pytest.FixtureRequest) -> str:
    text = request.param if isinstance(request.param, str) else json.dumps(request.param)
    secret = emulator.client("secretsmanager").create_secret(Name=f"secret-{abs(hash(text))}", SecretString=text)
    return str(secret["ARN"])


@pytest.mark.parametrize("kept", [RDS, RDS | {"port": "3307"}], indirect=True)
def test_a_secret_of_rds_is_read_and_its_password_is_not_shown(kept: str, emulator: Emulator) -> None:
    secret = read_secret(kept, emulator.url)
    assert secret == Secret("db", 3307, "u", "hidden", "x_ray")
    assert "hidden" not in repr(secret)


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ("hidden", "has no valid JSON"),
        ('"hidden"', "has no valid JSON"),
        (["hidden"], "has no valid JSON"),
        (RDS | {"port": None}, "has no valid JSON"),
        ({name: value for name, value in RDS.items() if name != "dbname"}, "has no valid key 'dbname'"),
        (RDS | {"engine": "postgres"}, "is for engine 'postgres'; only mysql can be backed up"),
    ],
    indirect=["kept"],
)
def test_a_secret_of_another_shape_is_refused(kept: str, message: str, emulator: Emulator) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_secret(kept, emulator.url)
    assert "hidden" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_secret_that_is_not_there_is_told(emulator: Emulator) -> None:
    with pytest.raises(UsageError, match="cannot read secret 'nothing': ResourceNotFoundException"):
        read_secret("nothing", emulator.url)
