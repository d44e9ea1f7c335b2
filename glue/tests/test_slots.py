"""A backup of today never stands for that of a day to come."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.clock import WrongClock
from tests.support.lab import Lab
from xray_backup.archive import archive
from xray_backup.errors import UsageError
from xray_backup.slots import day_of
from xray_backup.snapshot import snapshot


@pytest.mark.parametrize(
    ("slot", "day"),
    [
        ("2026-11-22", date(2026, 11, 22)),
        ("2026-11-22T0300", date(2026, 11, 22)),
        ("weekly-20261122", date(2026, 11, 22)),
        ("2026-W47", date(2026, 11, 16)),
        ("2026w47-7", date(2026, 11, 22)),
        ("2026-12", date(2026, 12, 1)),
        ("2027", date(2027, 1, 1)),
        ("2026-02-30", date(2026, 2, 1)),
        ("before-migration-9", None),
        ("9000-rows", None),
        ("20269999", None),
        ("build-2026112233", None),
    ],
)
def test_the_day_in_a_slot_s_name(slot: str, day: date | None) -> None:
    assert day_of(slot) == day


def slot_in(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


@pytest.mark.parametrize("slot", [slot_in(2), f"weekly-{slot_in(400)}", "2999-W01", "2999-01", "2999"])
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_slot_of_a_day_to_come_is_refused(lab: Lab, slot: str, dry_run: bool) -> None:
    lab.fill(3)
    run, message = lab.run(dry_run=dry_run), f"run slot '{slot}' is of a day to come"
    with pytest.raises(UsageError, match=message) as caught:
        snapshot(run, slot, 60)
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match=message):
        archive(run, slot, 2)
    assert list(lab.store.list("v1/_manifests/")) == []


def test_the_database_s_clock_says_which_day_it_is(lab: Lab) -> None:
    database = lab.database()
    ahead = WrongClock(database.secret, database.ssl_mode, hours=72)
    assert snapshot(lab.run(database=ahead), slot_in(2), 60) is not None
    # Once more on the right clock: a backup that a wrong one let in does not stand for the day.
    with pytest.raises(UsageError, match="is of a day to come"):
        snapshot(lab.run(), slot_in(2), 60)


def test_a_backup_that_was_made_before_its_day_does_not_stand_for_it(lab: Lab) -> None:
    """As a release could commit it that let any slot in."""
    today = slot_in(0)
    snapshot(lab.run(), "x", 60)
    folder = Path(lab.store.url) / "v1/_manifests"
    text = (folder / "snapshot-x.json").read_text().replace('"slot": "x"', f'"slot": "{today}"')
    made = f"{datetime.now(UTC):%Y-%m-%dT}"
    (folder / f"snapshot-{today}.json").write_text(text.replace(made, "2026-01-02T"))
    with pytest.raises(UsageError, match=f"snapshot-{today} was made on 2026-01-02, before the day of its slot"):
        snapshot(lab.run(), today, 60)
