"""From parsed arguments to the work: the one place that a laptop's command line and the Glue jobs share."""

from __future__ import annotations

import argparse
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from pyspark.sql import SparkSession

from xray_backup import manifest as manifests
from xray_backup.archive import archive
from xray_backup.comparison import compare
from xray_backup.database import Database, Secret, read_secret
from xray_backup.errors import UsageError, VerificationError
from xray_backup.events import Events
from xray_backup.layout import VERIFICATIONS
from xray_backup.purge import purge
from xray_backup.records import recorded
from xray_backup.restore import restore
from xray_backup.restore_batches import Selection
from xray_backup.run import Run
from xray_backup.snapshot import snapshot
from xray_backup.spark import configure, write_trust_store
from xray_backup.store import open_store
from xray_backup.verification import verify

NO_DATABASE = Database(Secret(host="", port=0, username="", password="", dbname=""))


def execute_command(options: argparse.Namespace, make_session: Callable[[], SparkSession], events: Events) -> None:
    """Runs one command.

    Args:
        options: from `parse_command_line` or `parse_job_arguments`.
        make_session: called only after everything that can be refused without Spark has been.
        events: receives what happens.

    Raises:
        BackupError: refused or failed, in one line.
    """
    store = open_store(options.store, options.endpoint_url)
    secret = read_secret(options.secret_id, options.endpoint_url) if options.secret_id else None
    if options.command == "verify" and options.against_database and not secret:
        raise UsageError("--against-database needs --secret-id")
    database = Database(secret, options.ssl_mode, options.ssl_ca) if secret else NO_DATABASE
    if secret:
        # A wrong password or an unreachable server is told before Spark takes its seconds to start.
        database.connect("").close()
    spark = configure(make_session())
    with _java_trust(spark, database) as trusted:
        run = Run(
            command=options.command,
            spark=spark,
            store=store,
            database=trusted,
            events=events,
            connections=options.connections or 4,
            lock_ttl_seconds=getattr(options, "lock_ttl_seconds", 300),
            job_run_id=getattr(options, "JOB_RUN_ID", None),
        )
        events("started", command=run.command, run_id=run.run_id, store=store.url)
        _COMMANDS[options.command](run, options)


@contextmanager
def _java_trust(spark: SparkSession, database: Database) -> Iterator[Database]:
    """Makes `ssl_ca` known to Java where Spark runs on this machine; a cluster's nodes have their own trust store."""
    if not database.ssl_ca or not (spark.sparkContext.master or "").startswith("local"):
        yield database
        return
    with tempfile.TemporaryDirectory(prefix="xray_backup-") as folder:
        path, password = Path(folder) / "trust.p12", secrets.token_hex(8)
        write_trust_store(spark, database.ssl_ca, path, password)
        yield replace(database, trust_store=path, trust_store_password=password)


def _backup(run: Run, options: argparse.Namespace) -> None:
    dry_run = options.mode == "dry-run"
    snapshot(run, options.run_slot, options.lag_minutes, dry_run)
    if options.archive_older_than_days is not None:
        archive(run, options.run_slot, options.archive_older_than_days, dry_run)


def _archive(run: Run, options: argparse.Namespace) -> None:
    archive(run, options.run_slot, options.older_than_days, options.mode == "dry-run")


def _verify(run: Run, options: argparse.Namespace) -> None:
    with recorded(run, VERIFICATIONS) as record:
        record["against_database"] = options.against_database
        _verify_backups(run, options, record.setdefault("backups", []))


def _verify_backups(run: Run, options: argparse.Namespace, whole: list[str]) -> None:
    for name in options.backups:
        manifest = manifests.load(run.store, name, run.model)
        verify(run, manifest)
        whole.append(manifest.name)
        if not options.against_database:
            continue
        differences = compare(run, manifest)
        run.events("compared", backup=manifest.name, tables={name: asdict(d) for name, d in differences.items()})
        for table, difference in differences.items():
            if difference.changed or difference.only_in_database or difference.only_in_backup:
                raise VerificationError(
                    f"{manifest.name} differs from the database: table {table} has {difference.changed} changed rows,"
                    f" {difference.only_in_backup} only in the backup,"
                    f" {difference.only_in_database} only in the database"
                )


def _purge(run: Run, options: argparse.Namespace) -> None:
    purge(run, options.older_than_days, options.chunk_rows, options.sleep_ratio, options.mode == "execute")


def _restore(run: Run, options: argparse.Namespace) -> None:
    selection = Selection(options.parent_ids, options.anchor_ids, options.since, options.until)
    result = restore(run, options.backups, options.target_schema, selection, options.mode == "execute")
    conflicts = sum(len(table.conflicts) for table in result.values())
    orphans = sum(len(table.orphans) for table in result.values())
    if conflicts or orphans:
        done = "were left alone, all others are restored" if options.mode == "execute" else "would be left alone"
        raise VerificationError(
            f"{conflicts} rows are in the target with other values and {orphans} have no parent there; they {done}"
        )


_COMMANDS = {"backup": _backup, "archive": _archive, "verify": _verify, "purge": _purge, "restore": _restore}
