"""The web app's double as a process that works for ever; each row is noted in a journal, one JSON line a commit.

With `--meddle` somebody else changes or deletes one of the newest rows now and then, which is noted too.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import pymysql
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from usage.journal import Row, as_text, row_of_statement
from xray_web_app.client import Box, Observer, Prediction, WebApp
from xray_web_app.settings import Settings, read_settings, write_settings

from tests.support.journal import note


class Journal(Observer):
    """Notes rows before a commit and after it: the test needs both bounds of the rows that were committed."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._open: tuple[str, list[Row]] = ("", [])

    def commits(self, table: str, rows: list[str]) -> None:
        self._open = (table, [row_of_statement(row) for row in rows])
        self.note("trying", *self._open)

    def committed(self) -> None:
        self.note("committed", *self._open)

    def note(self, what: str, table: str, rows: Sequence[Row]) -> None:
        note(self._file, what, table, rows)


class Meddler:
    """Somebody else, with a connection of his own."""

    def __init__(self, connection: Any, journal: Journal, draw: random.Random) -> None:
        self._connection, self._journal, self._random = connection, journal, draw

    def change(self) -> None:
        """Changes the newest transaction's threshold: a row that is read, archived and purged meanwhile."""
        (row,) = self._query("SELECT * FROM `transaction` ORDER BY transaction_id DESC LIMIT 1")
        threshold = f"0.{self._random.randint(0, 999):03}"
        changed = as_text((*row[:3], threshold, row[4]))
        self._journal.note("trying", "transaction", [changed])
        self._query("UPDATE `transaction` SET cs_thr = %s WHERE transaction_id = %s", (threshold, row[0]))
        self._connection.commit()
        self._journal.note("committed", "transaction", [changed])

    def delete(self) -> None:
        """Deletes one of the newest transactions, its boxes first and in a commit of their own."""
        rows = self._query("SELECT transaction_id FROM `transaction` ORDER BY transaction_id DESC LIMIT 6")
        (key,) = self._random.choice(rows)
        for table, column in (("pred_bounding_box", "pred_bbox_id"), ("transaction", "transaction_id")):
            keys = [as_text(row) for row in self._query(f"SELECT {column} FROM `{table}` WHERE transaction_id = {key}")]
            self._journal.note("deleting", table, keys)
            self._query(f"DELETE FROM `{table}` WHERE transaction_id = {key}")
            self._connection.commit()
            self._journal.note("deleted", table, keys)

    def _query(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())


def prediction(draw: random.Random) -> Prediction:
    """A new image with up to six boxes."""
    boxes = [Box(draw.randint(0, 13), draw.randint(0, 999) / 1000, n, 2, 300, 4) for n in range(draw.randint(0, 6))]
    return Prediction(f"img_{time.time_ns()}", 0.3, 0.5, boxes)


def work(settings: Settings, schema: str, journal: Journal, draw: random.Random, pause: float, meddle: bool) -> None:
    """Uploads until the server is gone."""

    def clock() -> datetime:
        # Old enough to be archived at once, so that every command has work while this runs.
        return datetime(2022, 5, draw.randint(1, 28), 11, draw.randint(0, 59), 23)

    with (
        WebApp(settings, clock, journal, schema) as app,
        pymysql.connect(**settings.database, database=schema) as other,
    ):
        meddler = Meddler(other, journal, draw)
        while True:
            # The app lists the whole folder; the emulator takes half a second for 1,000 names.
            app.upload(prediction(draw), b"an X-ray", known_images=set())
            if meddle and draw.random() < 0.3:
                meddler.change()
            if meddle and draw.random() < 0.1:
                meddler.delete()
            time.sleep(pause)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--schema", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.02)
    parser.add_argument("--meddle", action="store_true")
    arguments = parser.parse_args()
    ini = arguments.journal.with_suffix(".ini")
    database = {"host": "127.0.0.1", "user": "root", "password": arguments.password}
    aws = {"region_name": "eu-west-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    lake = {"root_bucket": arguments.bucket, "xray_images_bucket": "xray-images"}
    write_settings(ini, Settings(database, aws, lake), arguments.port)
    settings = read_settings(ini)
    draw = random.Random(arguments.seed)
    with arguments.journal.open("a") as file:
        journal = Journal(file)
        while True:
            try:
                work(settings, arguments.schema, journal, draw, arguments.pause, arguments.meddle)
            except (pymysql.MySQLError, Boto3Error, BotoCoreError, ClientError):
                time.sleep(0.2)


if __name__ == "__main__":
    main()
