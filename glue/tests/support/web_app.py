"""The web app as a process: images, transactions and boxes in three commits, ids by MAX(id) + 1, for ever.

Every row that was committed is noted in a journal, one JSON line each, before the next statement. With `--meddle` a row
is changed or deleted now and then, which is noted too.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import pymysql


class WebApp:
    def __init__(self, arguments: argparse.Namespace, journal: TextIO) -> None:
        self.arguments, self.journal = arguments, journal
        self.random = random.Random(arguments.seed)
        self.connection: Any = None

    def run(self) -> None:
        while True:
            try:
                if self.connection is None:
                    self.connection = pymysql.connect(
                        host="127.0.0.1", port=self.arguments.port, user="root",
                        password=self.arguments.password, database=self.arguments.schema, autocommit=False,
                    )  # fmt: skip
                self.predict()
                if self.arguments.meddle and self.random.random() < 0.3:
                    self.change()
                if self.arguments.meddle and self.random.random() < 0.1:
                    self.delete()
                time.sleep(self.arguments.pause)
            except pymysql.MySQLError:
                self.connection = None
                time.sleep(0.2)

    def next_id(self, table: str, key: str) -> int:
        ((last,),) = self.query(f"SELECT MAX({key}) FROM `{table}`")
        return (last or 0) + 1

    def query(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def insert(self, table: str, *rows: tuple[Any, ...]) -> None:
        # Noted before a commit and after it: the test needs both bounds of what was committed.
        self.note("trying", table, rows)
        for row in rows:
            self.query(f"INSERT INTO `{table}` VALUES ({', '.join(['%s'] * len(row))})", row)
        self.connection.commit()
        self.note("committed", table, rows)

    def note(self, what: str, table: str, rows: tuple[tuple[Any, ...], ...]) -> None:
        self.journal.write(json.dumps([what, table, rows]) + "\n")
        self.journal.flush()

    def predict(self) -> None:
        image = self.next_id("image", "image_id")
        self.insert("image", (image, "lake", "xray-images", f"img_{image}"))
        transaction = self.next_id("transaction", "transaction_id")
        # Old enough to be archived at once, so that every command has work while this runs.
        moment = f"2022-05-{self.random.randint(1, 28):02} 11:{self.random.randint(0, 59):02}:23"
        self.insert("transaction", (transaction, image, moment, "0.300", "0.500"))
        first = self.next_id("pred_bounding_box", "pred_bbox_id")
        boxes = [
            (first + n, transaction, self.random.randint(0, 13), f"0.{self.random.randint(0, 999):03}", n, 2, 300, 4)
            for n in range(self.random.randint(0, 6))
        ]
        if boxes:
            self.insert("pred_bounding_box", *boxes)

    def change(self) -> None:
        """Changes the newest transaction's threshold: a row that is read, archived and purged meanwhile."""
        (row,) = self.query("SELECT * FROM `transaction` ORDER BY transaction_id DESC LIMIT 1")
        changed = (row[0], row[1], str(row[2]), f"0.{self.random.randint(0, 999):03}", str(row[4]))
        self.note("trying", "transaction", (changed,))
        self.query("UPDATE `transaction` SET cs_thr = %s WHERE transaction_id = %s", (changed[3], row[0]))
        self.connection.commit()
        self.note("committed", "transaction", (changed,))

    def delete(self) -> None:
        """Deletes one of the newest transactions, its boxes first and in a commit of their own."""
        rows = self.query("SELECT transaction_id FROM `transaction` ORDER BY transaction_id DESC LIMIT 6")
        (key,) = self.random.choice(rows)
        for table, column in (("pred_bounding_box", "pred_bbox_id"), ("transaction", "transaction_id")):
            keys = tuple(self.query(f"SELECT {column} FROM `{table}` WHERE transaction_id = %s", (key,)))
            self.note("deleting", table, keys)
            self.query(f"DELETE FROM `{table}` WHERE transaction_id = %s", (key,))
            self.connection.commit()
            self.note("deleted", table, keys)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--password", default="test-root")
    parser.add_argument("--schema", required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.02)
    parser.add_argument("--meddle", action="store_true")
    arguments = parser.parse_args()
    with arguments.journal.open("a") as journal:
        WebApp(arguments, journal).run()


if __name__ == "__main__":
    sys.exit(main())
