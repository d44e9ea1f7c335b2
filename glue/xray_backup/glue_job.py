"""The common part of the three Glue entry points; only the scripts that call it need Glue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xray_backup.arguments import parse_job_arguments
from xray_backup.commands import execute_command
from xray_backup.errors import BackupError
from xray_backup.events import JsonLines

if TYPE_CHECKING:
    from pyspark import SparkContext


def run_job(command: str, arguments: Sequence[str], spark: SparkContext) -> None:
    """Runs `command` with Glue's arguments, on Glue's Spark.

    Raises:
        SystemExit: refused or failed; Glue shows its one line as the run's error message.
    """
    try:
        execute_command(parse_job_arguments(command, arguments), JsonLines(), spark)
    except BackupError as error:
        # `from None` and SystemExit: no stack trace for a mistake that the line explains.
        raise SystemExit(f"xray_backup: {error}") from None
