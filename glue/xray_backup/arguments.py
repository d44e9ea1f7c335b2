"""The arguments of every command, for a laptop and for Glue, by the contract of the jobs.

Glue passes `--name value` with underscores and adds arguments of its own; a person writes hyphens. Both are taken. None
is ever a secret.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from xray_backup.archive_policy import ArchivePolicy, parse_policies
from xray_backup.database_model import TableChoice, parse_table_choice
from xray_backup.erase_objects import RowObjects, parse_row_objects
from xray_backup.errors import UsageError
from xray_backup.job_contract import GLUE_ARGUMENTS, JOBS, Argument, is_glue_argument
from xray_backup.layout import checked_slot
from xray_backup.restore_selection import ChosenRows
from xray_backup.target_columns import ColumnRef

# Every name that MySQL gives a schema, less the characters that are more likely a slip.
_SCHEMA = re.compile(r"[^\x00-\x1f\x7f`'\"/\\\U00010000-\U0010ffff]{1,64}(?<! )")
_TIME_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


_UNRECOGNIZED = "unrecognized arguments: "


class _Parser(argparse.ArgumentParser):
    """Raises a one-line error in place of printing the usage."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        advice = f"; see {self.prog} --help" if self.add_help else ""
        if message.startswith(_UNRECOGNIZED):
            # Their values may be parts of a secret.
            names = [word.partition("=")[0] for word in message.removeprefix(_UNRECOGNIZED).split() if word[0] == "-"]
            message = f"{_UNRECOGNIZED}{' '.join(names) or 'values without an argument before them'}"
        raise UsageError(f"{self.prog}: {message}{advice}")

    def option(self, name: str, **options: Any) -> None:
        """Declares `--a-name`, also taken as `--a_name`."""
        names = [f"--{name}"]
        if "-" in name:
            names.append(f"--{name.replace('-', '_')}")
        self.add_argument(*names, **options)

    def declare(self, argument: Argument, **options: Any) -> None:
        """Declares an argument of the contract."""
        if argument.type == "choice":
            options.setdefault("choices", argument.choices)
        else:
            options["type"] = _TYPES[argument.type](argument)
        text = argument.help if argument.default is None else f"{argument.help} (default: {argument.default})"
        # argparse puts a default in text through the type, too.
        default = None if argument.default is None else str(argument.default)
        defaults: dict[str, Any] = {"dest": argument.dest, "required": argument.required, "default": default}
        self.option(argument.name.replace("_", "-"), help=text, **defaults | options)


def _wrong(text: str, needed: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"got {text!r}, {needed}")


def _number(kind: str, pattern: str, number: Callable[[str], float]) -> Callable[[Argument], Callable[[str], float]]:
    """The parser of a number within the argument's bounds; `kind` names it in the error."""

    def of(argument: Argument) -> Callable[[str], float]:
        def parse(text: str) -> float:
            if not re.fullmatch(pattern, text) or not argument.minimum <= number(text) <= argument.maximum:
                raise _wrong(text, f"{kind} from {argument.minimum:,} to {argument.maximum:,} is needed")
            return number(text)

        return parse

    return of


def _text(text: str) -> str:
    if not text:
        raise _wrong(text, "a value is needed")
    return text


def _authorities(text: str) -> Path | None:
    return None if text == "rds" else Path(_text(text))


def _ids(text: str) -> list[int]:
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise _wrong(text, "ids with commas between are needed, for example 3,17")
    return [int(part) for part in text.split(",")]


def _rows(text: str) -> ChosenRows:
    if text.startswith("{"):
        return _rows_in_json(text)
    table, equals, keys = text.partition("=")
    if not table or not equals or not all(keys.split(",")):
        raise _wrong(text, "a table and keys are needed, for example specimen=S-17,S-18 or slide=S-17/1")
    return ChosenRows(table, tuple(keys.split(",")))


def _rows_in_json(text: str) -> ChosenRows:
    """Keys that hold a comma, or a slash in one part of several."""
    try:
        ((table, keys),) = json.loads(text).items()
        found = tuple(tuple(map(_key_part, key)) if isinstance(key, list) else _key_part(key) for key in keys)
        if not table or not found or not isinstance(keys, list) or not all(found):
            raise ValueError(text)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise _wrong(
            text,
            'one table and its keys are needed, for example {"patient": ["Doe, Jane"]} or {"slide": [["S/17", 1]]}',
        ) from None
    return ChosenRows(table, found)


def _key_part(part: object) -> str:
    if isinstance(part, bool) or not isinstance(part, str | int):
        raise TypeError
    return str(part)


def _names(text: str) -> list[str]:
    if not re.fullmatch(r"[A-Za-z0-9-]+(,[A-Za-z0-9-]+)*", text):
        raise _wrong(text, "backup names with commas between are needed")
    return text.split(",")


def _objects(text: str) -> RowObjects | None:
    try:
        return parse_row_objects(text)
    except ValueError:
        raise _wrong(
            text, "a table and the address of its rows' objects are needed, for example slide=s3://lake/{object_key}"
        ) from None


def _stores(text: str) -> list[str]:
    urls = text.split(",")
    if not all(urls) or len({*urls}) < len(urls):
        raise _wrong(text, "stores with commas between are needed, for example s3://lake/backup")
    return urls


def _columns(text: str) -> list[ColumnRef]:
    parts = [part.split(".") for part in text.split(",")]
    if any(len(part) != 2 or not all(part) for part in parts):
        raise _wrong(text, "columns with commas between are needed, for example image.folder")
    return [ColumnRef(*part) for part in parts]


def _policies(text: str) -> tuple[ArchivePolicy, ...]:
    try:
        return parse_policies(text)
    except ValueError:
        raise _wrong(
            text,
            "policies with commas between are needed, one for each table: specimen.received_at, or with the tables"
            " that go with it and an age in days of its own: specimen.received_at+slide=365",
        ) from None


def _tables(text: str) -> TableChoice:
    try:
        return parse_table_choice(text)
    except ValueError:
        raise _wrong(
            text, "names of tables with commas between are needed; `@all` is every table, `!name` leaves one out"
        ) from None


def _schema(text: str) -> str:
    if not _SCHEMA.fullmatch(text):
        raise _wrong(text, "a schema's name is needed: up to 64 characters, no quotes, slashes or space at the end")
    return text


def _schemas(text: str) -> list[str]:
    return [] if text == "none" else [_schema(part) for part in text.split(",")]


def _time(text: str) -> str:
    for form in _TIME_FORMATS:
        try:
            return f"{datetime.strptime(text, form):%Y-%m-%d %H:%M:%S}"
        except ValueError:
            continue
    raise _wrong(text, "YYYY-MM-DD or 'YYYY-MM-DD hh:mm:ss' is needed")


_TYPES: dict[str, Callable[[Argument], Callable[[str], Any]]] = {
    "authorities": lambda _: _authorities,
    "columns": lambda _: _columns,
    "ids": lambda _: _ids,
    "integer": _number("a whole number", r"\d{1,9}", int),
    "names": lambda _: _names,
    "objects": lambda _: _objects,
    "number": _number("a number", r"\d{1,9}(\.\d{1,9})?", float),
    "policies": lambda _: _policies,
    "rows": lambda _: _rows,
    "schema": lambda _: _schema,
    "schemas": lambda _: _schemas,
    "slot": lambda _: checked_slot,
    "stores": lambda _: _stores,
    "tables": lambda _: _tables,
    "text": lambda _: _text,
    "time": lambda _: _time,
}


def _store_options(parser: _Parser) -> None:
    parser.declare(JOBS["backup"]["store"])
    parser.option("endpoint-url", help="AWS endpoint of an emulator (default: AWS itself)")
    parser.option(
        "log",
        choices=("auto", "json"),
        default="auto",
        help="json: one JSON object per line (default: on a terminal, text)",
    )


def _database_options(parser: _Parser, required: bool = True) -> None:
    job = JOBS["backup"]
    parser.declare(replace(job["secret_id"], help="secret of the database user: name or ARN"), required=required)
    parser.declare(job["ssl_mode"])
    parser.declare(job["ssl_ca"])
    parser.declare(job["policies"])


def _engine_options(parser: _Parser) -> None:
    parser.option(
        "engine", choices=("local", "spark"), default="local",
        help="processes of this machine, or Spark, which needs pyspark and Java (default: %(default)s)",
    )  # fmt: skip
    # A job's workers have cores enough; a laptop's own server works beside its processes.
    parser.declare(JOBS["restore"]["connections"])


def _write_options(parser: _Parser, job: str) -> None:
    parser.declare(JOBS[job]["lock_ttl_seconds"])
    # `--mode` is for a person: Glue keeps that name for itself, and its jobs say `--run_mode`.
    mode = JOBS[job]["run_mode"]
    parser.add_argument(
        "--mode",
        "--run-mode",
        "--run_mode",
        choices=("dry-run", "execute"),
        default=mode.default,
        help=f"dry-run reports what would be done and writes nothing (default: {mode.default})",
    )
    parser.option("dry-run", dest="mode", action="store_const", const="dry-run", help="same as --mode dry-run")


def _declare(parser: _Parser, job: str, *names: str) -> None:
    for name in names:
        parser.declare(JOBS[job][name])


def _backup(parser: _Parser) -> None:
    _store_options(parser)
    _database_options(parser)
    _engine_options(parser)
    _write_options(parser, "backup")
    _declare(parser, "backup", "run_slot", "tables", "lag_minutes", "archive_older_than_days")


def _archive(parser: _Parser) -> None:
    _store_options(parser)
    _database_options(parser)
    _engine_options(parser)
    _write_options(parser, "backup")
    _declare(parser, "backup", "run_slot", "tables")
    parser.declare(replace(JOBS["purge"]["older_than_days"], help="archive rows older than this"))


def _purge(parser: _Parser) -> None:
    _store_options(parser)
    _database_options(parser)
    _write_options(parser, "purge")
    _declare(parser, "purge", "connections", "older_than_days", "chunk_rows", "sleep_ratio")


def _choosing_command(parser: _Parser, job: str) -> None:
    """A command that chooses rows, by arguments that a purge does not have."""
    _store_options(parser)
    _database_options(parser)
    _write_options(parser, job)
    parser.declare(JOBS[job]["connections"])
    for name, argument in JOBS[job].items():
        if name not in JOBS["purge"]:
            parser.declare(argument)


def _verify(parser: _Parser) -> None:
    _store_options(parser)
    _database_options(parser, required=False)
    _engine_options(parser)
    parser.declare(replace(JOBS["restore"]["backups"], required=False, default="latest"))
    parser.option("against-database", action="store_true", help="also compare with the database (needs --secret-id)")


def _check(parser: _Parser) -> None:
    _store_options(parser)
    _database_options(parser)
    parser.option(
        "for", dest="job", choices=tuple(JOBS), default="backup",
        help="command whose needs are looked at (default: %(default)s)",
    )  # fmt: skip


def _report(parser: _Parser) -> None:
    _store_options(parser)
    parser.option("output", type=Path, help="write the page to this file (default: into the store)")


COMMANDS = {
    "backup": (_backup, "copy every table to the store, and prove the copy"),
    "verify": (_verify, "read backups again and prove that they are whole"),
    "archive": (_archive, "keep old rows for good, so that they may be purged"),
    "purge": (_purge, "delete rows that a verified archive holds (default: a dry run)"),
    "restore": (
        lambda parser: _choosing_command(parser, "restore"),
        "insert missing rows from backups (default: a dry run)",
    ),
    "erase": (
        lambda parser: _choosing_command(parser, "erase"),
        "delete rows for good, in the database, every backup and their objects (default: a dry run)",
    ),
    "check": (_check, "look, from here, at everything that a command needs"),
    "list": (_store_options, "show the backups of a store"),
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
    """The options of a Glue job, in the names of the command line's; with `--run_mode check` the command is `check`.

    Raises:
        UsageError: an argument is unknown, missing, wrong, or given twice.
    """
    parser = _Parser(prog=f"job_{command}.py", add_help=False)
    for argument in JOBS[command].values():
        parser.declare(argument, **({"dest": "mode"} if argument.name == "run_mode" else {}))
    own, glue = _told_apart(parser, JOBS[command], arguments)
    options = parser.parse_args(own)
    options.command = options.job = command
    if options.mode == "check":
        options.command = "check"
    options.endpoint_url, options.log, options.engine = None, "json", "spark"
    options.JOB_NAME, options.JOB_RUN_ID = glue.get("JOB_NAME"), glue.get("JOB_RUN_ID")
    return options


def _told_apart(
    parser: _Parser, known: Mapping[str, Argument], arguments: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """The job's own arguments, as `--name=value`, and Glue's.

    An unknown one ends the run: a slip in `--target_schema` must not restore into the live schema. So does one of ours
    given twice: Glue lets no run override `--secret_id`, but a `--secret-id` beside it would, as the last one counts.
    """
    own: dict[str, str] = {}
    glue: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        option, equals, value = rest.pop(0).partition("=")
        if not option.startswith("--"):
            shown = repr(option) if re.fullmatch(r"[\w.,:/-]+", option) else "there"
            parser.error(f"{shown} is a value without an argument's name before it")
        if not equals and rest and not rest[0].startswith("--"):
            equals, value = "=", rest.pop(0)
        name = option.removeprefix("--").replace("-", "_")
        if name in own:
            parser.error(f"--{name} is given twice")
        elif name in known:
            own[name] = f"--{name}{equals}{value}"
        elif name == "endpoint_url":
            # Somebody who may only start a run must not be able to make it ask another host for the secret.
            parser.error("--endpoint_url is not allowed in a job, which works on AWS itself")
        elif option == "--mode" and value in known["run_mode"].choices:
            parser.error(f"--mode is Glue's own argument: use --run_mode {value}")
        elif is_glue_argument(option.removeprefix("--")):
            glue[option.removeprefix("--")] = value
        else:
            parser.error(f"{option} is no argument of this job; the nearest one is {_nearest(name, known)}")
    return list(own.values()), glue


def _nearest(name: str, known: Mapping[str, Argument]) -> str:
    names = [*known, *(pattern for pattern in GLUE_ARGUMENTS if not pattern.endswith("*"))]
    return f"--{get_close_matches(name, names, n=1, cutoff=0)[0]}"
