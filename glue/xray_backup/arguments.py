"""The arguments of every command, declared once for a laptop and for Glue.

Glue passes `--name value` with underscores and adds arguments of its own; a person writes hyphens. Both are taken. None
is ever a secret.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from xray_backup.data_model import X_RAY
from xray_backup.database import SSL_MODES
from xray_backup.errors import UsageError
from xray_backup.lock import MIN_TTL_SECONDS

_SCHEMA = re.compile(r"[A-Za-z0-9_]{1,64}")
_TIME_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


class _Parser(argparse.ArgumentParser):
    """Raises a one-line error in place of printing the usage."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}; see {self.prog} --help")

    def option(self, name: str, **options: Any) -> None:
        """Declares `--a-name`, also taken as `--a_name`."""
        names = [f"--{name}"]
        if "-" in name:
            names.append(f"--{name.replace('-', '_')}")
        self.add_argument(*names, **options)


def whole_number(minimum: int, maximum: int = 1_000_000) -> Any:
    """An argparse type: a whole number from `minimum` to `maximum`."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text) or not minimum <= int(text) <= maximum:
            raise argparse.ArgumentTypeError(f"got {text!r}, a whole number from {minimum:,} to {maximum:,} is needed")
        return int(text)

    return parse


# Up to a hundred years, as the constructs have it.
_age_days = whole_number(2, 36_500)


def _ids(text: str) -> list[int]:
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise argparse.ArgumentTypeError(f"got {text!r}, ids with commas between are needed, for example 3,17")
    return [int(part) for part in text.split(",")]


def _names(text: str) -> list[str]:
    if not re.fullmatch(r"[A-Za-z0-9-]+(,[A-Za-z0-9-]+)*", text):
        raise argparse.ArgumentTypeError(f"got {text!r}, backup names with commas between are needed")
    return text.split(",")


def _schema(text: str) -> str:
    if not _SCHEMA.fullmatch(text):
        raise argparse.ArgumentTypeError(f"got {text!r}, letters, digits and underscores are allowed")
    return text


def _time(text: str) -> str:
    for form in _TIME_FORMATS:
        try:
            return f"{datetime.strptime(text, form):%Y-%m-%d %H:%M:%S}"
        except ValueError:
            continue
    raise argparse.ArgumentTypeError(f"got {text!r}, YYYY-MM-DD or 'YYYY-MM-DD hh:mm:ss' is needed")


def _ratio(text: str) -> float:
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1
    if not 0 <= ratio <= 1000:
        raise argparse.ArgumentTypeError(f"got {text!r}, a number from 0 to 1000 is needed")
    return ratio


def _store_options(parser: _Parser) -> None:
    parser.option("store", required=True, help="s3://bucket/prefix, or a folder")
    parser.option("endpoint-url", help="AWS endpoint of an emulator (default: AWS itself)")
    parser.option(
        "log",
        choices=("auto", "json"),
        default="auto",
        help="json: one JSON object per line (default: on a terminal, text)",
    )


def _database_options(parser: _Parser, required: bool = True, connections: int = 4) -> None:
    parser.option("secret-id", required=required, help="Secrets Manager secret of the database user: name or ARN")
    parser.option("ssl-mode", choices=SSL_MODES, default="VERIFY_IDENTITY", help="default: %(default)s")
    parser.option("ssl-ca", type=Path, help="PEM bundle of certificate authorities (default: the system's)")
    parser.option(
        "connections",
        type=whole_number(1),
        default=connections,
        help="database connections that work side by side (default: %(default)s)",
    )


def _write_options(parser: _Parser, mode: str) -> None:
    parser.option(
        "lock-ttl-seconds", type=whole_number(MIN_TTL_SECONDS), default=300,
        help="a run that is silent this long may be taken over (default: %(default)s)",
    )  # fmt: skip
    # `--mode` is for a person: Glue keeps that name for itself, and its jobs say `--run_mode`.
    parser.add_argument(
        "--mode", "--run-mode", "--run_mode", choices=("dry-run", "execute"), default=mode, help="default: %(default)s"
    )
    parser.option("dry-run", dest="mode", action="store_const", const="dry-run", help="same as --mode dry-run")


def _slot_option(parser: _Parser) -> None:
    parser.option("run-slot", help="name of the scheduled run, done once (default: today's date in UTC)")


def _backup(parser: _Parser) -> None:
    _store_options(parser)
    _database_options(parser)
    _write_options(parser, "execute")
    _slot_option(parser)
    parser.option(
        "lag-minutes", type=whole_number(0), default=60,
        help="the cut-off is the database's clock minus this (default: %(default)s)",
    )  # fmt: skip
    parser.option("archive-older-than-days", type=_age_days, help="also write an archive of rows older than this")


def _archive(parser: _Parser) -> None:
    _store_options(parser)
    _database_options(parser)
    _write_options(parser, "execute")
    _slot_option(parser)
    parser.option("older-than-days", type=_age_days, required=True, help="archive rows older than this")


def _purge(parser: _Parser) -> None:
    _store_options(parser)
    _database_options(parser, connections=2)
    _write_options(parser, "dry-run")
    parser.option("older-than-days", type=_age_days, required=True, help="purge archived rows older than this")
    parser.option("chunk-rows", type=whole_number(1), default=500, help="rows per transaction (default: %(default)s)")
    parser.option(
        "sleep-ratio",
        type=_ratio,
        default=0.0,
        help="pause after each chunk, times its duration (default: %(default)s)",
    )


def _restore(parser: _Parser) -> None:
    _store_options(parser)
    _database_options(parser, connections=2)
    _write_options(parser, "dry-run")
    parser.option("backups", type=_names, required=True, help="names as `list` shows them, commas between; or latest")
    parser.option("target-schema", type=_schema, help="made if it does not exist (default: the secret's dbname)")
    anchor = X_RAY.anchor
    for name, dest in ((anchor.name, "anchor_ids"), (anchor.parent.table if anchor.parent else None, "parent_ids")):
        if name:
            text = f"only these rows of {name} (ids, commas between), with all that belongs to them"
            parser.option(f"{name}-ids", dest=dest, type=_ids, help=text)
    parser.option("since", type=_time, help=f"only rows of {anchor.name} from this time on")
    parser.option("until", type=_time, help=f"only rows of {anchor.name} before this time")


def _verify(parser: _Parser) -> None:
    _store_options(parser)
    _database_options(parser, required=False)
    parser.option("backups", type=_names, default=["latest"], help="names, commas between (default: latest)")
    parser.option("against-database", action="store_true", help="also compare with the database (needs --secret-id)")


def _list(parser: _Parser) -> None:
    _store_options(parser)


def _report(parser: _Parser) -> None:
    _store_options(parser)
    parser.option("output", type=Path, help="write the page to this file (default: into the store)")


COMMANDS = {
    "backup": (_backup, "copy every table to the store, and prove the copy"),
    "verify": (_verify, "read backups again and prove that they are whole"),
    "archive": (_archive, "keep old rows for good, so that they may be purged"),
    "purge": (_purge, "delete rows that a verified archive holds (default: a dry run)"),
    "restore": (_restore, "insert missing rows from backups (default: a dry run)"),
    "list": (_list, "show the backups of a store"),
    "report": (_report, "write the evidence of all backups, purges and drills as one HTML page"),
}


def parse_command_line(arguments: Sequence[str]) -> argparse.Namespace:
    """The command and its options, as a person types them.

    Raises:
        UsageError: an argument is unknown, missing or wrong.
    """
    parser = _Parser(prog="xray_backup", description="Backups of the metadata database that prove themselves.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (declare, text) in COMMANDS.items():
        declare(commands.add_parser(name, help=text, description=text))
    return parser.parse_args(arguments)


def parse_job_arguments(command: str, arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a Glue job; arguments that Glue itself adds are left alone.

    Raises:
        UsageError: an argument is missing, wrong, or given twice.
    """
    parser = _Parser(prog=f"job_{command}.py", add_help=False)
    # Glue lets no run override the job's `--secret_id`; a `--secret-id` beside it would, since the last one counts.
    names = [argument.split("=")[0].replace("_", "-") for argument in arguments if argument.startswith("--")]
    for name in sorted({name for name in names if names.count(name) > 1}):
        parser.error(f"{name} is given twice")
    if "--endpoint-url" in names:
        # Who may start a run must not be able to have it ask another host for the secret.
        parser.error("--endpoint-url is not allowed in a job, which works on AWS itself")
    COMMANDS[command][0](parser)
    parser.option("JOB_NAME")
    parser.option("JOB_RUN_ID")
    options, _ = parser.parse_known_args(arguments)
    options.command, options.log = command, "json"
    return options
