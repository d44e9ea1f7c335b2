"""The deployed environment, the app's settings for it, and the table of statements that the suite leaves behind."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest

from xray_web_app.client import Observer, Row
from xray_web_app.settings import Settings
from xray_web_app.target import Target

RECORDS: list[dict[str, str]] = []


@pytest.fixture(scope="session")
def target() -> Target:
    file = os.environ.get("XRAY_TARGET")
    if not file:
        pytest.exit("XRAY_TARGET must name the file of a deployed environment: run make contract, or make test", 2)
    target = Target.load(Path(file))
    os.environ["AWS_ENDPOINT_URL"] = target.endpoint_url  # the app names none: the SDK finds it here
    return target


@pytest.fixture(scope="session")
def settings(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return target.app_settings(tmp_path_factory.mktemp("app"))


class Recorder(Observer):
    """Writes statements down as the app sends them, with what came of each."""

    def __init__(self, scenario: str) -> None:
        self._scenario = scenario

    def executed(self, statement: str, result: Row | int | pymysql.MySQLError) -> None:
        if isinstance(result, pymysql.MySQLError):
            answer = f"error {result.args[0]}: {result.args[1]}"
        elif isinstance(result, tuple):
            answer = ", ".join(map(str, result)) if result else "no row"
        else:
            answer = f"{result} row" if statement.startswith("INSERT") else "ok"
        self._record(statement, answer)

    def committed(self) -> None:
        self._record("COMMIT", "ok")

    def failed(self, error: Exception) -> None:
        self._record("", f"the app stops: {error}")

    def _record(self, statement: str, result: str) -> None:
        RECORDS.append({"scenario": self._scenario, "statement": statement, "result": result})


@pytest.fixture
def recorder(request: pytest.FixtureRequest) -> Recorder:
    return Recorder(request.node.name.removeprefix("test_").replace("_", " "))


@pytest.fixture
def query(settings: Settings) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Asks the database as the app's user, on a connection of its own that commits."""
    with connection(settings) as connected:

        def ask(sql: str, *values: object) -> list[tuple[Any, ...]]:
            with connected.cursor() as cursor:
                cursor.execute(sql, values)
                return list(cursor.fetchall())

        yield ask


@contextmanager
def connection(settings: Settings) -> Iterator[pymysql.Connection[Any]]:
    connected = pymysql.connect(**settings.database, database="x_ray", autocommit=True)  # type: ignore[call-overload]
    try:
        yield connected
    finally:
        connected.close()


def pytest_sessionfinish() -> None:
    report = os.environ.get("XRAY_CONTRACT_REPORT")
    if report and RECORDS:
        Path(report).write_text(json.dumps(RECORDS, indent=1), encoding="utf-8")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not RECORDS:
        return
    terminalreporter.section("statement as the app sends it, result")
    scenario = ""
    for record in RECORDS:
        if record["scenario"] != scenario:
            scenario = record["scenario"]
            terminalreporter.write_line(f"\n{scenario}")
        statement = record["statement"]
        shown = statement if len(statement) <= 96 else f"{statement[:93]}..."
        terminalreporter.write_line(f"  {shown:<96}  {record['result']}")
