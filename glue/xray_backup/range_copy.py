"""One unit of work: copies one key range of one table from MySQL to the store, and proves the copy.

MySQL sends the rows' text and the SHA-256 of that text in one statement. The text is parsed into typed columns, written
as a Parquet file, read back from the store, and made text again from the typed columns: its SHA-256 must be MySQL's.
That proves network, parser, types, writer and store at once, and rows that change meanwhile cannot blur it: whatever a
row was when it was read, both hashes are of that.

The function runs in a process of this machine or in a Spark executor. Run again after its process died, it takes a file
that it had written then as it is, once the file has proved itself, and goes on behind it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.data_file import Sent, SentRows, decode_in_parts, encode, read_file, sent_of
from xray_backup.data_model import Table
from xray_backup.database import Connection, query
from xray_backup.errors import BackupError, VerificationError
from xray_backup.fingerprint import Fingerprint, RowsDigest, hashes_of
from xray_backup.key_range import KeyRange, KeySpan, Literals, nth_key, nth_literals, nth_row
from xray_backup.keys import check_found_by_keys, found_keys, key_sql, shown
from xray_backup.manifest import DataFile
from xray_backup.row_parser import parse_rows
from xray_backup.row_text import joined, joined_bytes, numbers, numbers_sql, texts, texts_sql
from xray_backup.store import Content
from xray_backup.workplace import Workplace

# A file is closed once its rows take this much memory.
BYTES_PER_FILE = 48 * 2**20
KEYS_PER_ANSWER = 50_000


@dataclass(frozen=True)
class RangeCopy:
    """A range to copy: rows of `table` in `keys` that fulfil `condition`; its files are named after `prefix`."""

    table: Table
    keys: KeyRange | KeySpan
    condition: str
    prefix: str


@dataclass(frozen=True)
class CopiedFile:
    """One proved file, and the smallest and largest key in it where these are integers."""

    file: DataFile
    min_key: int | None
    max_key: int | None


class _TooMuchError(Exception):
    """So many `rows` have more text than MySQL gives at once."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows


def copy_range(workplace: Workplace, task: RangeCopy) -> list[CopiedFile]:
    """The files of this range, proved; most often one, none where there is no row.

    Raises:
        BackupError: MySQL or the store failed, or a row is too large for `max_allowed_packet`.
        VerificationError: what came back from the store is not what MySQL sent.
    """
    found: list[CopiedFile] = []
    left: KeyRange | KeySpan | None = task.keys
    while left:
        key = f"{task.prefix}{f'-{len(found)}' if found else ''}.parquet"
        copied, last = _copy_file(workplace, replace(task, keys=left), key)
        if copied:
            found.append(copied)
        left = left.behind(last)  # type: ignore[arg-type]
    return found


def _copy_file(workplace: Workplace, task: RangeCopy, key: str) -> tuple[CopiedFile | None, int | Literals]:
    """One file with the first rows of the range, and the key up to which it has them."""
    rows, sent = _read(workplace, task)
    # Its rows may be gone since: a file that is there all the same must be told of, or the backup has one too many.
    if not rows.num_rows and workplace.store.read(key) is None:
        return None, sent.last_key
    etag = workplace.store.create(key, encode(rows, sent)) if rows.num_rows else None
    content = read_file(workplace.store, key, etag)
    if etag is None:
        # This unit was worked on before, by a process that died after it had written this file.
        sent = sent_of(content.body, key)
    return _proved(task, key, content, sent), sent.last_key


def _proved(task: RangeCopy, key: str, content: Content, sent: Sent) -> CopiedFile:
    """The file, once the text of its typed rows is the text that MySQL sent.

    Raises:
        VerificationError: it is not.
    """
    table = task.table
    answers = iter(sent.answers)
    proof = _Proof(answer) if (answer := next(answers, None)) else None
    found, digest, smallest, largest = Fingerprint(), RowsDigest(), 2**63, -(2**63)
    for rows in decode_in_parts(table, content.body, key):
        while rows.num_rows:
            if proof is None:
                raise VerificationError(f"table {table.name}: file {key} has more rows than MySQL sent")
            part = rows.slice(0, proof.rows_left)
            row_texts = proof.add(table, part)
            found += Fingerprint.of(hashes_of(row_texts))
            digest.add(row_texts)
            if table.has_integer_key:
                keys = pc.min_max(part.column(table.integer_key)).as_py()
                smallest, largest = min(smallest, keys["min"]), max(largest, keys["max"])
            rows = rows.slice(part.num_rows)
            if not proof.rows_left:
                if not proof.holds:
                    raise VerificationError(
                        f"table {table.name}: rows of file {key} are not those that MySQL sent; nothing was committed"
                    )
                proof = _Proof(answer) if (answer := next(answers, None)) else None
    if proof:
        raise VerificationError(f"table {table.name}: file {key} has fewer rows than MySQL sent")
    if not _is_of(task.keys, sent, smallest, largest):
        raise VerificationError(f"table {table.name}: file {key} is not of this range of keys; nothing was committed")
    file = DataFile(key, len(content.body), content.etag, found, digest.hexdigest())
    return CopiedFile(file, smallest, largest) if table.has_integer_key else CopiedFile(file, None, None)


def _is_of(keys: KeyRange | KeySpan, sent: Sent, smallest: int, largest: int) -> bool:
    """True where a file with these smallest and largest keys has the first rows of the range."""
    if isinstance(keys, KeyRange):
        return isinstance(sent.last_key, int) and keys.first <= smallest <= largest <= sent.last_key <= keys.last
    return isinstance(sent.last_key, tuple) and sent.above == keys.above


class _Proof:
    """Holds rows, as they are read, against the hashes that MySQL took of one answer."""

    def __init__(self, answer: SentRows) -> None:
        self._answer = answer
        self._numbers, self._texts = RowsDigest(), hashlib.sha256()

    @property
    def rows_left(self) -> int:
        """Rows of the answer that were not read yet."""
        return self._answer.rows - self._numbers.rows

    def add(self, table: Table, rows: pa.Table) -> pa.Array:
        """The next rows; their texts."""
        first, second = numbers(table, rows), texts(table, rows)
        self._numbers.add(first)
        if second is not None:
            self._texts.update(joined_bytes(second))
        return joined(first, second)

    @property
    def holds(self) -> bool:
        """True where all rows were those that MySQL sent."""
        return self._numbers.hexdigest() == self._answer.numbers and (
            self._answer.texts is None or self._texts.hexdigest() == self._answer.texts
        )


def _read(workplace: Workplace, task: RangeCopy) -> tuple[pa.Table, Sent]:
    """The rows of the range from its first key on, as many as a file may hold."""

    def read(connection: Connection) -> tuple[pa.Table, Sent]:
        parts: list[pa.Table] = []
        answers: list[SentRows] = []
        last: int | Literals = task.keys.last
        for rows, answer, asked_for in _answers(connection, task):
            if answer.rows:
                parts.append(rows)
                answers.append(answer)
            if sum(part.nbytes for part in parts) > BYTES_PER_FILE:
                last = asked_for
                break
        parts = parts or [parse_rows(task.table, b"", None)]
        above = task.keys.above if isinstance(task.keys, KeySpan) else None
        return pa.concat_tables(parts, promote_options="default"), Sent(tuple(answers), last, above)

    return workplace.reading(read)


def _answers(connection: Connection, task: RangeCopy) -> Iterator[tuple[pa.Table, SentRows, int | Literals]]:
    """Rows by answers of MySQL, in the order of keys, each with the last key that it was asked for."""
    ((limit,),) = query(connection, "SELECT @@group_concat_max_len")
    left: KeyRange | KeySpan | None = task.keys
    rows_at_once = 0 if isinstance(task.keys, KeyRange) else KEYS_PER_ANSWER
    while left:
        asked = _asked(connection, task, left, rows_at_once)
        try:
            rows, answer = _answer(connection, task, asked, int(limit))
        except _TooMuchError as error:
            if error.rows == 1:
                raise BackupError(
                    f"table {task.table.name}: the row with {', '.join(task.table.key)}"
                    f" {_first_key(connection, task, asked)} has more than {limit} bytes, a quarter of MySQL's"
                    " max_allowed_packet: raise that parameter"
                ) from None
            rows_at_once = max(1, error.rows // 4)
            continue
        yield rows, answer, asked.last
        if rows.nbytes < limit // 4:
            rows_at_once *= 2
        left = left.behind(asked.last)  # type: ignore[arg-type]


def _asked(connection: Connection, task: RangeCopy, left: KeyRange | KeySpan, rows_at_once: int) -> KeyRange | KeySpan:
    """The first keys of those that are left, for one answer."""
    if isinstance(left, KeySpan):
        return replace(left, last=nth_literals(connection, task.table, left, task.condition, rows_at_once))
    assert isinstance(task.keys, KeyRange)  # noqa: S101
    # Of a table without gaps so many rows, of one with gaps fewer.
    width = max(KEYS_PER_ANSWER, (task.keys.last - task.keys.first + 1) // 5)
    asked = KeyRange(left.first, min(left.last, left.first + width - 1))
    if rows_at_once:
        # By the rows that exist: where they are wide, their keys may be far apart all the same.
        asked = replace(asked, last=nth_key(connection, task.table, asked, task.condition, rows_at_once))
    return asked


def _first_key(connection: Connection, task: RangeCopy, keys: KeyRange | KeySpan) -> int | str:
    """The first key in the range, as a message may have it."""
    columns = task.table.key_columns
    where = f"{keys.condition(task.table)} AND ({task.condition})"
    row = nth_row(connection, task.table, key_sql(columns), where, 1)
    return shown(found_keys(columns, row or ()))[0]


def _answer(connection: Connection, task: RangeCopy, keys: KeyRange | KeySpan, limit: int) -> tuple[pa.Table, SentRows]:
    """The rows with these keys.

    Raises:
        _TooMuchError: MySQL had to cut their text.
    """
    table = task.table
    columns = [f"GROUP_CONCAT({numbers_sql(table)} SEPARATOR '\\n') AS numbers", "COUNT(*) AS row_count"]
    selected = ["row_count", "numbers", "SHA2(numbers, 256)"]
    if texts_of_row := texts_sql(table):
        columns.append(f"GROUP_CONCAT({texts_of_row} SEPARATOR '') AS texts")
        selected += ["texts", "SHA2(texts, 256)"]
    # A table of one row between the two steps, so that the text is made once.
    ((count, *answer),) = query(
        connection,
        f"SELECT {', '.join(selected)} FROM (SELECT {', '.join(columns)} FROM {table.quoted}"
        f" WHERE {keys.condition(table)} AND ({task.condition})) AS answer",
    )
    if not count:
        return parse_rows(table, b"", None), SentRows(0, "", None)
    sent_numbers, sent_texts = _bytes(answer[0]), _bytes(answer[2]) if texts_of_row else None
    # A text that was cut has the length of the limit, or ends before a character that went over it. Both parts count,
    # because purge and restore ask for the two of a row in one text.
    if len(sent_numbers) + len(sent_texts or b"") > limit - 4:
        raise _TooMuchError(count)
    rows = parse_rows(table, sent_numbers, sent_texts)
    check_found_by_keys(table, rows)
    if rows.num_rows != count:
        raise VerificationError(f"table {table.name}: MySQL counted {count} rows and sent {rows.num_rows}")
    return rows, SentRows(int(count), _str(answer[1]), _str(answer[3]) if texts_of_row else None)


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _str(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
