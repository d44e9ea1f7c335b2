"""A person's view of a run: progress bars and tables on a terminal, plain lines elsewhere. Laptop only: needs rich."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.filesize import decimal as human_size
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from xray_backup.listing import Listed

_TABLE_WIDTH, _STEP_WIDTH = 100, 17
_WIDEST = 1_000
_STATE_COLOURS = {"whole": "green", "expired": "yellow", "damaged": "red"}
_MARKS = {
    "passed": "[green]✓[/green]",
    "warning": "[yellow]![/yellow]",
    "failed": "[red]✗[/red]",
    "skipped": "–",  # noqa: RUF001
}


class Terminal:
    """Receives events; standard output gets results, standard error the progress."""

    def __init__(self) -> None:
        self._out = Console(highlight=False, soft_wrap=True)
        # A terminal that is narrower than a table breaks its lines, which cuts no name.
        self._uncut = Console(highlight=False, width=_WIDEST)
        # A log has no width of its own.
        self._table = Console(highlight=False, width=None if self._out.is_terminal else _TABLE_WIDTH)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Terminal:
        if self._progress.console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress.console.is_terminal:
            self._progress.stop()

    def __call__(self, event: str, **fields: Any) -> None:
        """Takes one event."""
        if event == "progress":
            self._show(fields["step"], fields["done"], fields["total"])
            return
        for task in self._tasks.values():
            self._progress.remove_task(task)
        self._tasks.clear()
        fields = _plain(fields)
        render = getattr(self, f"_{event}", None)
        if render:
            render(**fields)
        else:
            self._out.print(f"{event.replace('_', ' ')}: {', '.join(f'{k} {_number(v)}' for k, v in fields.items())}")

    def _show(self, step: str, done: float, total: float) -> None:
        if step not in self._tasks:
            self._tasks[step] = self._progress.add_task(step, total=total)
        self._progress.update(self._tasks[step], completed=done, total=total)

    def _copied(self, table: str, rows: int, files: int, bytes: int, seconds: float) -> None:
        self._out.print(
            f"copied and proved {table}: {rows:,} rows, {files} files, {human_size(bytes)}, {seconds:.1f} s"
        )

    def _committed(self, backup: str, manifest: str) -> None:
        self._out.print(f"committed [bold]{backup}[/bold] ({manifest})")

    def _snapshot_proved(self, **fields: int) -> None:
        """For the alarm: a person has read it, table by table."""

    def _reported(self, page: str, attention: list[str]) -> None:
        for sentence in attention:
            self._out.print(f"[yellow]to look at:[/yellow] {sentence}")
        self._out.print(f"report: [bold]{page}[/bold]")

    def _restored(self, schema: str, tables: Mapping[str, Mapping[str, Any]]) -> None:
        self._counts(f"restored into {schema}", tables)

    def _not_held(self, backup: str, objects: list[str]) -> None:
        advice = "before a restore into an empty schema, deploy the migrations"
        self._out.print(f"[yellow]not in {backup}:[/yellow] {', '.join(objects)}; {advice}")

    def _not_restored(self, schema: str, objects: list[str]) -> None:
        self._out.print(f"not made in {schema}: {', '.join(objects)}")

    def _not_alike(self, schema: str, notes: list[str]) -> None:
        for note in notes:
            self._out.print(f"[yellow]not quite as it was[/yellow] in {schema}: {escape(note)}")

    def _would_restore(self, schema: str, tables: Mapping[str, Mapping[str, Any]]) -> None:
        self._counts(f"dry run: would restore into {schema} (add --mode execute)", tables)

    def _compared(self, backup: str, tables: Mapping[str, Mapping[str, Any]]) -> None:
        self._counts(f"{backup} against the database", tables)

    def _purged(self, **result: Any) -> None:
        self._purge_result("deleted", result)

    def _would_purge(self, **result: Any) -> None:
        self._purge_result("dry run: would delete (add --mode execute)", result)

    def _erased(self, rows: Mapping[str, Mapping[str, int]], **counts: int) -> None:
        self._erasure("erased", rows, counts)

    def _would_erase(self, rows: Mapping[str, Mapping[str, int]], **counts: int) -> None:
        self._erasure("dry run: would erase (add --mode execute)", rows, counts)

    def _erasure(self, title: str, rows: Mapping[str, Mapping[str, int]], counts: Mapping[str, int]) -> None:
        names = list(dict.fromkeys(name for tables in rows.values() for name in tables))
        self._counts(
            title, {place: {name: found.get(name, 0) for name in names} for place, found in rows.items()}, "place"
        )
        self._out.print(_pairs(counts))

    def _kept_elsewhere(self, what: str, until: str | None) -> None:
        self._out.print(
            f"[yellow]not erased:[/yellow] {escape(what)}" + (f", which are kept until {until}" if until else "")
        )

    def _purge_result(self, title: str, result: Mapping[str, Any]) -> None:
        self._counts(f"{title}, rows before {result['before']}", {k: {"rows": v} for k, v in result["rows"].items()})
        kept = {reason: len(keys) for reason, keys in result["kept"].items()}
        self._out.print(f"units: {_pairs(result['units'])}; kept: {_pairs(kept)}")
        for reason in result["obstacles"]:
            self._out.print(f"[yellow]kept:[/yellow] {reason}")

    def _check(self, step: str, state: str, text: str) -> None:
        # A table of one row, with the widths of all: each step is shown when it is done.
        row = Table.grid(padding=(0, 1))
        row.expand = True
        row.add_column(width=1)
        row.add_column(width=_STEP_WIDTH)
        row.add_column(ratio=1, overflow="fold")
        row.add_row(_MARKS[state], step, escape(text))
        self._table.print(row, width=_TABLE_WIDTH)

    def _checked(self, job: str, **counts: int) -> None:
        self._out.print(f"{job}: {_pairs(counts)}")

    def _counts(self, title: str, tables: Mapping[str, Mapping[str, Any]], head: str = "table") -> None:
        self._out.print(title)
        table = Table(head, box=None, pad_edge=False)
        names = list(next(iter(tables.values())))
        for name in names:
            table.add_column(name.replace("_", " "), justify="right")
        for row, counts in tables.items():
            table.add_row(row, *(_number(counts[name]) for name in names))
        self._uncut.print(table)

    def backups(self, listed: list[Listed]) -> None:
        """The table of `list`."""
        if not listed:
            self._out.print("no backup yet")
            return
        table = Table("backup", box=None, pad_edge=False)
        for name in ("rows", "files", "size", "age"):
            table.add_column(name, justify="right")
        table.add_column("verified")
        table.add_column("state")
        for item in listed:
            state = "damaged" if item.damage else "expired" if item.expired else "whole"
            table.add_row(
                _plain(item.name),
                f"{item.rows:,}",
                str(item.files),
                human_size(item.size),
                _age(item.age_seconds),
                item.verified_at[:19].replace("T", " "),
                f"[{_STATE_COLOURS[state]}]{state}[/]",
            )
        self._uncut.print(table)
        for item in listed:
            for reason in filter(None, (item.damage, item.expired)):
                self._out.print(f"{_plain(item.name)}: {_plain(reason.removeprefix(f'{item.name}: '))}")


def visible(text: str) -> str:
    """Text without control sequences, which may come from a store."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _plain(value: Any) -> Any:
    """The value with every text in it as it is to be shown: no markup, no control sequence."""
    if isinstance(value, str):
        return escape(visible(value))
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _number(value: object) -> str:
    if isinstance(value, list):
        return f"{len(value):,}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _pairs(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items()) or "none"


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
