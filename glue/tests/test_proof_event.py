"""The event that keeps the alarm on a missing backup quiet: one for each snapshot that proves something."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.lab import Lab
from xray_backup.archive import archive
from xray_backup.errors import VerificationError
from xray_backup.events import JsonLines
from xray_backup.job_contract import PROVED_SNAPSHOT
from xray_backup.snapshot import snapshot

NAME = PROVED_SNAPSHOT["event"]


class Output:
    """Standard output of a run, which Glue sends line by line to the job's log group."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def lines(self) -> list[str]:
        return self._capture.readouterr().out.splitlines()

    def proofs(self) -> list[dict[str, Any]]:
        # As the alarm's filter finds it: by the name, anywhere in the line.
        return [json.loads(line) for line in self.lines() if NAME in line]


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Output:
    capsys.readouterr()
    return Output(capsys)


def test_a_snapshot_tells_once_that_it_is_proved(lab: Lab, output: Output) -> None:
    lab.fill(3)
    manifest = snapshot(lab.run(events=JsonLines()), "s", 60)
    assert manifest is not None
    ((*_, committed, proof),) = [[json.loads(line) for line in output.lines()]]
    assert (committed["event"], proof["event"]) == ("committed", NAME)
    proved_at = datetime.fromtimestamp(proof.pop("proved_at"), UTC)
    assert abs(proved_at - datetime.fromisoformat(manifest.verified_at)).total_seconds() < 1
    size = sum(table.size for table in manifest.tables.values())
    assert proof == {"time": proof["time"], "event": NAME, "rows": 3 + 3 + 15, "bytes": size}
    assert set(PROVED_SNAPSHOT.values()) == {NAME, "rows", "bytes", "proved_at"}


def test_a_slot_that_an_earlier_run_committed_is_no_new_proof(lab: Lab, output: Output) -> None:
    lab.fill(3)
    snapshot(lab.run(), "s", 60)
    snapshot(lab.run(events=JsonLines()), "s", 60)
    assert output.proofs() == []


def test_a_snapshot_without_a_row_proves_nothing(lab: Lab, output: Output) -> None:
    snapshot(lab.run(events=JsonLines()), "s", 60)
    lines = output.lines()
    assert [line for line in lines if NAME in line] == []
    assert json.loads(lines[-1])["event"] == "snapshot_without_rows"


def test_an_archive_is_no_backup_of_what_is_there(lab: Lab, output: Output) -> None:
    lab.fill(3)
    archive(lab.run(events=JsonLines()), "a", 2)
    assert output.proofs() == []


def test_a_dry_run_proves_nothing(lab: Lab, output: Output) -> None:
    lab.fill(3)
    snapshot(lab.run(events=JsonLines(), dry_run=True), "s", 60)
    assert output.proofs() == []


def test_a_run_that_fails_after_its_copies_proves_nothing(
    lab: Lab, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.fill(3)

    def refuse(*_: object) -> None:
        raise VerificationError("refused")

    monkeypatch.setattr("xray_backup.committed_copy.commit_manifest", refuse)
    with pytest.raises(VerificationError, match="refused"):
        snapshot(lab.run(events=JsonLines()), "s", 60)
    assert output.proofs() == []
