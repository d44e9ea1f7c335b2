"""A run of a Glue job as a process of this machine: Glue's arguments, the job's own code, without Spark."""

from __future__ import annotations

import sys

from xray_backup.arguments import parse_job_arguments
from xray_backup.commands import execute_command
from xray_backup.errors import BackupError
from xray_backup.events import JsonLines

if __name__ == "__main__":
    try:
        options = parse_job_arguments(sys.argv[1], sys.argv[2:])
        options.engine = "local"
        execute_command(options, JsonLines())
    except BackupError as error:
        sys.exit(f"xray_backup: {error}")
