"""Writes what the tests of the runbook measured into docs/runbook/README.md: `python -m tests.runbook_table`."""

from __future__ import annotations

import json
import re

from tests.support.mysql_server import REPOSITORY
from tests.support.runbook import RUNBOOK, pages

MEASURED = REPOSITORY / ".local" / "test-results" / "runbook.json"
BEGIN, END = "<!-- measured by make runbook -->\n", "<!-- end -->\n"
WEEK = "all since the last backup: a week at most"
# The largest loss, and what the time does not hold.
LOST = {
    "backup-failed": ("nothing", ""),
    "no-proved-backup": ("nothing yet", ""),
    "purge-or-restore-failed": ("nothing", ""),
    "database-load": ("nothing", "RDS's own time for more storage"),
    "table-dropped": (f"{WEEK}; five minutes by a point in time", "making sure; it has both: a table, then the schema"),
    "rows-lost": (f"of these rows, {WEEK}", "a person's decision"),
    "objects-deleted": ("nothing, within the days of old versions", ""),
    "instance-gone": (f"five minutes; nothing by the final snapshot; by the backups {WEEK}", "RDS's own time"),
    "secret-lost-or-leaked": ("nothing", "the deploy of the schema stack"),
    "half-applied-migration": ("nothing", "the look at the table, and the deploy"),
    "terraform-state-lost": ("nothing; without a bucket, the last deploys", "what is imported or deleted by hand"),
    "region-gone": ("**all without a copy**; else all since the copy", "the deploy of the new environment"),
}


def table() -> str:
    measured = json.loads(MEASURED.read_text())
    lines = ["| page | lost at most (RPO) | commands (RTO) | rows | not in it |", "|---|---|--:|--:|---|"]
    for page in pages():
        if page == "README":
            continue
        lost, without = LOST[page]
        found = measured.get(page, {})
        seconds, rows = found.get("seconds"), found.get("rows")
        taken = "not measured" if seconds is None else f"{seconds / 60:.1f} min" if seconds >= 6 else "seconds"
        lines.append(f"| [{page}]({page}.md) | {lost} | {taken} | {f'{rows:,}' if rows else ''} | {without} |")
    where = "on two cores of a laptop, which the AWS emulator, the MySQL server and other work share"
    text = f"Measured {where}. The time that AWS takes to start a job is not in it."
    return f"{BEGIN}\n{text}\n\n" + "\n".join(lines) + f"\n\n{END}"


def main() -> None:
    path = RUNBOOK / "README.md"
    path.write_text(re.sub(f"{BEGIN}.*?{END}", lambda _: table(), path.read_text(), flags=re.S))


if __name__ == "__main__":
    main()
