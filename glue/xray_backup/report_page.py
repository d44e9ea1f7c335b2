"""The report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from xray_backup.errors import BackupError, UsageError
from xray_backup.events import Events
from xray_backup.layout import REPORTS
from xray_backup.report import BACKUP_WITHIN, TEST_WITHIN, Report, gather
from xray_backup.report_charts import chart
from xray_backup.restore_definition import RIGHTS_TO_MAKE
from xray_backup.store import Store


def write_report(store: Store, output: Path | None, events: Events) -> None:
    """Writes the page to `output`, or as a new object of the store, where no report overwrites another.

    Raises:
        BackupError: there is no backup yet, a manifest is damaged, or the page cannot be written.
    """
    report = gather(store, events)
    page = render(report).encode()
    if output is None:
        key = f"{REPORTS}report-{report.made_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}.html"
        if store.create(key, page) is None:
            raise BackupError(f"{store.url}/{key} is there already: run it again")
        where = f"{store.url}/{key}"
    else:
        try:
            output.write_bytes(page)
        except OSError as error:
            raise UsageError(f"cannot write --output {output}: {error.strerror}") from None
        where = str(output)
    events("reported", page=where, attention=report.attention)


def render(report: Report) -> str:
    """The page.

    Raises:
        UsageError: Jinja2 or matplotlib is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise UsageError("report is made with Jinja2: install the packages of glue/requirements.txt") from None
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {
        "quoted": shlex.quote,
        "day": _day,
        "clock": _clock,
        "number": _number,
        "size": _size,
        "duration": _duration,
    }
    template = environment.from_string(resources.files("xray_backup").joinpath("report.html.j2").read_text("utf-8"))
    return template.render(
        report=report,
        charts=_charts(report),
        backup_within=BACKUP_WITHIN,
        test_within=TEST_WITHIN,
        rights=RIGHTS_TO_MAKE,
    )


def _charts(report: Report) -> list[Mapping[str, str]]:
    """The charts, once there are two snapshots; each with a sentence that says what it shows."""
    snapshots = report.snapshots[::-1]
    if len(snapshots) < 2:
        return []
    times = [snapshot.started_at for snapshot in snapshots]
    rows = {table: [float(s.rows_of[table]) for s in snapshots] for table in snapshots[-1].rows_of}
    purges = {"purge": [purge.at for purge in report.purges if purge.result]}
    sizes = {"size": [snapshot.size / 1e6 for snapshot in snapshots]}
    seconds = {"seconds": [snapshot.seconds for snapshot in snapshots]}
    first, last = snapshots[0], snapshots[-1]

    def said(what: str, before: str, after: str) -> str:
        return f"{what}: {before} on {_day(first.started_at)}, {after} on {_day(last.started_at)}"

    return [
        {
            "title": "Rows in each snapshot",
            "text": said("Rows in each snapshot", _number(first.rows), _number(last.rows)),
            "svg": chart("rows", times, rows, purges if purges["purge"] else {}),
        },
        {
            "title": "Size of each snapshot, MB",
            "text": said("Size of each snapshot", _size(first.size), _size(last.size)),
            "svg": chart("size", times, sizes, {}),
        },
        {
            "title": "Seconds to copy and prove",
            "text": said("Time to copy and prove", _duration(first.seconds), _duration(last.seconds)),
            "svg": chart("seconds", times, seconds, {}),
        },
    ]


def _day(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d}"


def _clock(time: datetime) -> str:
    return f"{time.astimezone(UTC):%H:%M}"


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _size(value: int) -> str:
    from rich.filesize import decimal

    return decimal(value)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    for size, unit in ((86_400, "days"), (3_600, "h")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 60:.0f} min"
