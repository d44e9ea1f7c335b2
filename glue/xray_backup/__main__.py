"""The command line on a laptop: `python -m xray_backup backup|verify|archive|purge|restore|erase|check|list|report`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict

from xray_backup.arguments import parse_command_line
from xray_backup.commands import execute_command
from xray_backup.errors import BackupError, VerificationError
from xray_backup.events import JsonLines
from xray_backup.listing import list_backups
from xray_backup.report_page import write_report
from xray_backup.store import open_store
from xray_backup.terminal import Terminal, visible


def main(arguments: Sequence[str]) -> int:
    """Runs one command; the process's exit code."""
    try:
        options = parse_command_line(arguments)
        if options.command == "list":
            _list(options)
        elif options.command == "report":
            _report(options)
        elif options.log == "json":
            execute_command(options, JsonLines())
        else:
            with Terminal() as terminal:
                execute_command(options, terminal)
    except BackupError as error:
        print(f"xray_backup: {visible(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("xray_backup: stopped; nothing is half-done, run it again to go on", file=sys.stderr)
        return 130
    return 0


def _list(options: argparse.Namespace) -> None:
    store = open_store(options.store, options.endpoint_url)
    store.check_exists()
    listed = list(list_backups(store))
    if options.log == "json":
        events = JsonLines()
        for item in listed:
            events("backup", **asdict(item))
    else:
        Terminal().backups(listed)
    if damaged := [item.name for item in listed if item.damage]:
        raise VerificationError(f"{', '.join(damaged)}: the manifest cannot be read, or the files do not match it")


def _report(options: argparse.Namespace) -> None:
    store = open_store(options.store, options.endpoint_url)
    if options.log == "json":
        write_report(store, options.output, JsonLines())
        return
    with Terminal() as terminal:
        write_report(store, options.output, terminal)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
