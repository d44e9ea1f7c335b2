"""From parsed arguments to the work: the one place that a laptop's command line and the Glue jobs share."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from xray_backup.archive import archive
from xray_backup.archive_policy import ArchivePolicy
from xray_backup.aws import aws_client, region_of_arn
from xray_backup.check import Subject, check
from xray_backup.database import Database, Secret
from xray_backup.database_model import EVERY_TABLE, X_RAY_TABLES, TableChoice
from xray_backup.erase import ErasureOptions, erase
from xray_backup.errors import BackupError, LockedError, UnavailableError, UsageError, VerificationError
from xray_backup.events import Events
from xray_backup.job_contract import X_RAY_POLICIES
from xray_backup.object_versions import S3Versions
from xray_backup.purge import purge
from xray_backup.purge_record import KEPT_FOR_GOOD, PurgeResult
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.run import Run
from xray_backup.runner import LocalRunner, Runner
from xray_backup.snapshot import snapshot
from xray_backup.store import open_store
from xray_backup.verify import verify_backups

if TYPE_CHECKING:
    from pyspark import SparkContext

NO_DATABASE = Database(Secret(host="", port=0, username="", password="", dbname=""))
# Of a command that works with processes of this machine and is told no number of connections.
DEFAULT_PROCESSES = 2


def execute_command(options: argparse.Namespace, events: Events, spark: SparkContext | None = None) -> None:
    """Runs one command.

    Args:
        options: from `parse_command_line` or `parse_job_arguments`.
        events: receives what happens.
        spark: spreads what is copied and verified over its workers (default: processes of this machine do it); purge
            and restore themselves are bound by MySQL, and done here.

    Raises:
        BackupError: refused or failed, in one line.
    """
    if options.command == "check":
        check(_subject(options), events)
        return
    # The bucket is asked in the region where the database is: in a VPC there may be no way to another.
    region = region_of_arn(options.secret_id) if options.secret_id else None
    store = open_store(options.store, options.endpoint_url, region)
    if options.command == "verify" and options.against_database and not options.secret_id:
        raise UsageError("--against-database needs --secret-id")
    database = NO_DATABASE
    if options.secret_id:
        database = Database.open(options.secret_id, options.endpoint_url, options.ssl_mode, options.ssl_ca)
        # A wrong password or an unreachable server is told at once.
        database.connect("").close()
    with ExitStack() as resources:
        run = Run(
            command=options.command,
            store=store,
            database=database,
            events=events,
            runner=_runner(options, spark, resources),
            dry_run=getattr(options, "mode", None) == "dry-run",
            policies=_policies(options),
            tables=_tables(options),
            connections=options.connections or DEFAULT_PROCESSES,
            lock_ttl_seconds=getattr(options, "lock_ttl_seconds", 300),
            job_run_id=getattr(options, "JOB_RUN_ID", None),
        )
        events("started", command=run.command, run_id=run.run_id, store=store.url)
        _COMMANDS[options.command](run, options)


def _subject(options: argparse.Namespace) -> Subject:
    return Subject(
        job=options.job,
        store=options.store,
        secret_id=options.secret_id,
        endpoint_url=options.endpoint_url,
        ssl_mode=options.ssl_mode,
        ssl_ca=options.ssl_ca,
        policies=_policies(options),
        tables=_tables(options),
    )


def _policies(options: argparse.Namespace) -> Sequence[ArchivePolicy]:
    policies: Sequence[ArchivePolicy] | None = getattr(options, "policies", None)
    return X_RAY_POLICIES if policies is None else policies


def _tables(options: argparse.Namespace) -> TableChoice:
    choice: TableChoice = getattr(options, "tables", EVERY_TABLE)
    return X_RAY_TABLES if _policies(options) == X_RAY_POLICIES and choice == EVERY_TABLE else choice


def _runner(options: argparse.Namespace, spark: SparkContext | None, resources: ExitStack) -> Runner:
    if spark is None and getattr(options, "engine", "local") == "local":
        runner = LocalRunner(options.connections or DEFAULT_PROCESSES)
        resources.callback(runner.close)
        return runner
    if spark is None:
        try:
            from xray_backup.spark_runner import laptop_context
        except ImportError:
            raise UsageError("--engine spark needs pyspark and Java 17: install them, or use --engine local") from None
        scratch = Path(tempfile.mkdtemp(prefix="xray_backup-spark-"))
        spark = laptop_context(os.cpu_count() or 1, scratch)
        resources.callback(spark.stop)
    from xray_backup.spark_runner import SparkRunner

    return SparkRunner(spark, options.connections)


def _backup(run: Run, options: argparse.Namespace) -> None:
    if options.archive_older_than_days is not None:
        _check_policies(run)
    snapshot(run, options.run_slot, options.lag_minutes)
    if options.archive_older_than_days is not None:
        archive(run, options.run_slot, _age(run, options, options.archive_older_than_days))


def _archive(run: Run, options: argparse.Namespace) -> None:
    _check_policies(run)
    archive(run, options.run_slot, options.older_than_days)


def _verify(run: Run, options: argparse.Namespace) -> None:
    verify_backups(run, options.backups, options.against_database)


def _age(run: Run, options: argparse.Namespace, asked: int) -> int:
    """The age in days: a job's own where the run asks for less. A command line has no other than its own."""
    least: int | None = getattr(options, "least_age_days", None)
    if least is None or asked >= least:
        return asked
    run.events("age_raised", asked_days=asked, least_age_days=least)
    return least


def _check_policies(run: Run) -> None:
    if not run.policies:
        raise UsageError("--policies is none: name the table whose rows are archived or selected, and its time column")


def _purge(run: Run, options: argparse.Namespace) -> None:
    _check_policies(run)
    age = _age(run, options, options.older_than_days)
    results: list[PurgeResult] = []
    errors: list[BackupError] = []
    for policy in run.policies:
        try:
            results.append(purge(run, age, options.chunk_rows, options.sleep_ratio, policy))
        except (LockedError, UnavailableError):
            raise
        except BackupError as error:
            # It may be of this policy alone: a damaged archive, a right that is missing.
            errors.append(error)
    # Several policies may meet the same one.
    messages = list(dict.fromkeys(map(str, errors)))
    if kept := sum(result.units.get(outcome, 0) for result in results for outcome in KEPT_FOR_GOOD):
        verb = "would be" if run.dry_run else "were"
        deleted = sum(result.units.get("would_delete" if run.dry_run else "deleted", 0) for result in results)
        obstacles = "; ".join(text for result in results for text in result.obstacles)
        messages.append(f"{kept} units {verb} kept, {deleted} {verb} deleted: {obstacles}")
    if messages:
        kind = type(errors[0]) if errors else BackupError
        raise kind("; ".join(messages))


def _restore(run: Run, options: argparse.Namespace) -> None:
    selection = Selection(options.parent_ids, options.anchor_ids, options.since, options.until, options.rows)
    ignored = options.ignore_columns or ()
    if not selection.is_everything:
        _check_policies(run)
    result = restore(run, options.backups, options.target_schema, selection, ignored)
    conflicts = sum(len(table.conflicts) for table in result.values())
    orphans = sum(len(table.orphans) for table in result.values())
    refused = sum(len(table.refused) for table in result.values())
    if conflicts or orphans or refused:
        done = "would be left alone" if run.dry_run else "were left alone, all others are restored"
        raise VerificationError(
            f"{conflicts} rows are in the target with other values, {orphans} have no parent there and {refused} were"
            f" refused; they {done}"
        )


def _erase(run: Run, options: argparse.Namespace) -> None:
    region = region_of_arn(options.secret_id)

    def versions_in(bucket: str) -> S3Versions:
        return S3Versions(aws_client("s3", options.endpoint_url, region), bucket, "", bypass)

    bypass = options.bypass_governance_retention == "yes"
    selection = Selection(options.parent_ids, options.anchor_ids, rows=options.rows)
    former_stores = [open_store(url, options.endpoint_url, region) for url in options.former_stores or ()]
    erase(
        run,
        selection,
        ErasureOptions(
            objects=options.objects,
            database_backup_days=options.database_backup_days,
            bypass_governance=bypass,
            former_stores=former_stores,
            former_schemas=options.former_schemas,
        ),
        versions_in,
    )


_COMMANDS = {
    "backup": _backup,
    "archive": _archive,
    "verify": _verify,
    "purge": _purge,
    "restore": _restore,
    "erase": _erase,
}
