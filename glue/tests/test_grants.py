"""Rights as SHOW GRANTS lists them are read without taking one for more than it is."""

from __future__ import annotations

import pytest

from xray_backup.grants import parse_grants

TO = "TO `u`@`%`"


@pytest.mark.parametrize(
    "line",
    [
        f"GRANT REFERENCES ON *.* {TO}",
        f"GRANT SELECT, REFERENCES, TRIGGER ON *.* {TO} WITH GRANT OPTION",
        f"GRANT ALL PRIVILEGES ON *.* {TO}",
        "GRANT REFERENCES ON *.* TO `role`",
    ],
)
def test_a_right_on_every_table(line: str) -> None:
    assert parse_grants([line]).on_every_table("REFERENCES")


@pytest.mark.parametrize(
    "lines",
    [
        [f"GRANT USAGE ON *.* {TO}"],
        [f"GRANT REFERENCES ON `x_ray`.* {TO}"],
        [f"GRANT REFERENCES ON `*`.`*` {TO}"],
        [f"GRANT SELECT (`REFERENCES`, `a`), INSERT ON `x_ray`.`t` {TO}"],
        [f"GRANT REFERENCES ON *.* {TO}", "REVOKE REFERENCES ON `clinic`.* FROM `u`@`%`"],
        ["GRANT PROXY ON ``@`` TO `u`@`%` WITH GRANT OPTION"],
    ],
)
def test_less_is_no_right_on_every_table(lines: list[str]) -> None:
    assert not parse_grants(lines).on_every_table("REFERENCES")


def test_a_right_that_leaves_out_the_server_s_own_schemas_is_one_on_every_table() -> None:
    lines = [f"GRANT REFERENCES ON *.* {TO}", "REVOKE REFERENCES ON `mysql`.* FROM `u`@`%`"]
    assert parse_grants(lines).on_every_table("REFERENCES")


@pytest.mark.parametrize(
    ("line", "right"),
    [
        (f"GRANT SELECT, TRIGGER ON `x_ray`.`transaction` {TO}", True),
        (f"GRANT SELECT (`a`, `b`), TRIGGER ON `x_ray`.`transaction` {TO}", True),
        (f"GRANT TRIGGER ON `x\\_ray`.* {TO}", True),
        (f"GRANT ALL PRIVILEGES ON `x_ray`.* {TO}", True),
        (f"GRANT TRIGGER ON *.* {TO}", True),
        (f"GRANT TRIGGER ON `x_ray`.`image` {TO}", False),
        (f"GRANT TRIGGER ON `other`.* {TO}", False),
        (f"GRANT SELECT (`TRIGGER`) ON `x_ray`.`transaction` {TO}", False),
        (f"GRANT EXECUTE ON PROCEDURE `x_ray`.`transaction` {TO}", False),
    ],
)
def test_a_right_on_one_table(line: str, right: bool) -> None:
    assert parse_grants([line]).on_table("TRIGGER", "x_ray", "transaction") == right
