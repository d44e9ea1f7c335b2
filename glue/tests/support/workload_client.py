"""The client of a workload as a process that works for ever by a seed; each row is noted in a journal.

python -m tests.support.workload_client --model film-rental --port … --password … --schema … --journal …
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import TextIO

import pymysql
from pymysql.constants import ER

from tests.support.workload import Workload, Writer
from tests.support.workloads import WORKLOADS
from xray_backup.database import Database, Secret
from xray_backup.database_model import read_tables
from xray_backup.errors import UnavailableError

# A purge took a row from under it or holds one, or a restore was first.
IN_THE_WAY = {
    ER.NO_REFERENCED_ROW_2, ER.ROW_IS_REFERENCED_2, ER.DUP_ENTRY, ER.LOCK_WAIT_TIMEOUT, ER.LOCK_DEADLOCK,
}  # fmt: skip


def work(workload: Workload, database: Database, journal: TextIO, draw: random.Random, pause: float) -> None:
    """Writes until the server is gone."""
    with database.session() as connection:
        writer = Writer(connection, read_tables(connection, database.schema).whole_model(), journal)
        while True:
            try:
                workload.step(writer, draw)
            except pymysql.MySQLError as error:
                # The transaction that was open is not noted.
                if error.args[0] not in IN_THE_WAY:
                    raise
                connection.rollback()
                writer = Writer(connection, read_tables(connection, database.schema).whole_model(), journal)
            time.sleep(pause)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=WORKLOADS, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--schema", required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.02)
    arguments = parser.parse_args()
    workload = WORKLOADS[arguments.model]
    secret = Secret("127.0.0.1", arguments.port, "root", arguments.password, arguments.schema)
    database = Database(secret, "REQUIRED")
    draw = random.Random(arguments.seed)
    with arguments.journal.open("a") as file:
        with database.session() as connection:
            Writer(connection, read_tables(connection, arguments.schema).whole_model(), file).note_all()
        while True:
            try:
                work(workload, database, file, draw, arguments.pause)
            except UnavailableError:
                time.sleep(0.2)


if __name__ == "__main__":
    main()
