"""Plays some days of use of the web app: two users, rush hours in which both work, retries; notes what was committed.

Run as `python -m usage.uploads`; the last line of its output is a JSON object of what it did.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pymysql
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from pymysql.constants import CR, ER

from usage.journal import TABLES, Journal, as_text, row_of_statement
from xray_web_app.client import Box, NoImageRowError, Observer, Prediction, WebApp
from xray_web_app.settings import Settings
from xray_web_app.target import Target

USERS = 2
RUSH_SHARE = 0.25
"""Part of a day's predictions that fall into its rush hour, when both users work at once."""
NEW_IMAGE_SHARE = 1 / 3
"""Part of the predictions that are of a new image; the others try another threshold on one that is there."""
PATIENCE_SECONDS = 120
"""Time that a user goes on trying while a server is away."""
SERVER_AWAY = (CR.CR_CONN_HOST_ERROR, CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, ER.SERVER_SHUTDOWN, 0)
S3_AWAY = (Boto3Error, BotoCoreError, ClientError)


@dataclass(frozen=True)
class Upload:
    """One press of the button: when, on the app host's clock, and what."""

    at: datetime
    prediction: Prediction
    content: bytes
    rush: bool


class Days:
    """The uploads of each day, drawn from a seed: the same arguments give the same uploads."""

    def __init__(self, seed: int, per_day: int) -> None:
        self._seed, self._per_day = seed, per_day

    def of(self, day: datetime, earliest: datetime) -> Iterator[Upload]:
        """The uploads of one day; images that are shown again are of any day from `earliest` on."""
        draw = random.Random(f"{self._seed} {day:%Y-%m-%d}")  # noqa: S311
        images = 0
        # A burst is several predictions within one second, as by a user who drags a slider.
        starts = sorted(draw.randrange(7 * 3600, 20 * 3600) for _ in range(self._per_day))
        for number, second in enumerate(starts):
            if number and draw.random() < 0.2:
                second = starts[number - 1]
            if draw.random() < NEW_IMAGE_SHARE or (images == 0 and day == earliest):
                images += 1
                name = self._name(day, images)
            else:
                name = self._earlier(draw, day, earliest, images)
            boxes = [self._box(draw) for _ in range(max(0, round(draw.gauss(12, 4))))]
            prediction = Prediction(name, draw.choice([0.1, 0.25, 0.3, 0.5]), draw.choice([0.4, 0.5, 0.75]), boxes)
            rush = number >= self._per_day * (1 - RUSH_SHARE)
            yield Upload(day + timedelta(seconds=second), prediction, draw.randbytes(draw.randrange(2048, 6144)), rush)

    def _earlier(self, draw: random.Random, day: datetime, earliest: datetime, today: int) -> str:
        # Mostly of the last days, sometimes of long ago, so that an image whose predictions were purged comes again.
        back = min(int(draw.expovariate(1 / 6)) if draw.random() < 0.8 else draw.randrange(400), (day - earliest).days)
        if back == 0 and today == 0:
            back = 1
        newest = today if back == 0 else 3
        return self._name(day - timedelta(days=back), draw.randint(1, newest))

    @staticmethod
    def _name(day: datetime, number: int) -> str:
        return f"img_{day:%Y%m%d}_{number:03}.png"

    @staticmethod
    def _box(draw: random.Random) -> Box:
        x, y = draw.randrange(900), draw.randrange(900)
        return Box(
            draw.randrange(14), round(draw.random(), 4), x, y, x + draw.randrange(1, 124), y + draw.randrange(1, 124)
        )


class Notes(Observer):
    """Takes what is committed into the journal; knows of a commit whose answer never came."""

    def __init__(self, journal: Journal) -> None:
        self.open_commit: tuple[str, list[str]] | None = None
        self._journal = journal

    def commits(self, table: str, rows: list[str]) -> None:
        """Keeps what may be committed without an answer."""
        self.open_commit = (table, rows)

    def committed(self) -> None:
        """Notes the rows."""
        if self.open_commit:
            table, rows = self.open_commit
            self._journal.add(table, [row_of_statement(row) for row in rows])
        self.open_commit = None


class User:
    """One user at his browser: presses the button, and presses it again when the app stops with an error."""

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self._settings, self._journal = settings, journal
        self._notes = Notes(journal)
        self._now = datetime.min
        self._app: WebApp | None = None
        self.counts: Counter[str] = Counter()

    def upload(self, upload: Upload) -> None:
        """Presses the button until it is done.

        Raises:
            TimeoutError: a server was away for longer than a user waits.
        """
        self._now = upload.at
        deadline = time.monotonic() + PATIENCE_SECONDS
        reason: Exception | None = None
        while time.monotonic() < deadline:
            try:
                self._settle_open_commit()
                app = self._open_app()
                folder = self._settings.data_lake["xray_images_bucket"]
                # The app lists the whole folder, see tests/contract; the emulator takes half a second per 1,000 names.
                known = app.list_images(f"{folder}/{upload.prediction.image_file}")
                app.upload(upload.prediction, upload.content, known)
            except NoImageRowError:
                self._close_app()
                self._add_image_row(upload.prediction.image_file)
            except (pymysql.MySQLError, *S3_AWAY) as error:
                self._close_app()
                self._note(error)
                reason = error
            else:
                self.counts["predictions"] += 1
                return
        raise TimeoutError(f"a user waited for {PATIENCE_SECONDS} s and gave up at {upload.at}") from reason

    def close(self) -> None:
        """Ends the connection."""
        self._close_app()

    def _note(self, error: Exception) -> None:
        code = error.args[0] if isinstance(error, pymysql.MySQLError) and error.args else None
        if code == ER.DUP_ENTRY:
            self.counts["collisions"] += 1
        elif code in (ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT):
            self.counts["deadlocks"] += 1
        elif code in SERVER_AWAY or isinstance(error, (*S3_AWAY, pymysql.InterfaceError)):
            self.counts["tries while a server was away"] += 1
            time.sleep(0.5)
        else:
            raise error

    def _settle_open_commit(self) -> None:
        """Looks whether a commit took place whose answer was lost with the connection."""
        if self._notes.open_commit is None:
            return
        table, rows = self._notes.open_commit
        wanted = [row_of_statement(row) for row in rows]
        keys = ",".join(row[0] for row in wanted) or "NULL"
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table} WHERE {TABLES[table]} IN ({keys}) ORDER BY 1")
            found = [as_text(row) for row in cursor.fetchall()]
        self.counts["commits without an answer"] += 1
        if found == wanted:
            self._notes.committed()
        self._notes.open_commit = None

    def _add_image_row(self, image_file: str) -> None:
        """Inserts the row of an object that has none, as an operator does; its id comes from AUTO_INCREMENT."""
        lake = self._settings.data_lake
        values = (lake["root_bucket"], lake["xray_images_bucket"], image_file)
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO image (bucket, folder, image_file) VALUES (%s, %s, %s)", values)
            image_id = cursor.lastrowid
            connection.commit()
        self._journal.add("image", [as_text((image_id, *values))])
        self.counts["image rows added by hand"] += 1

    def _connect(self) -> pymysql.Connection[Any]:
        connection: pymysql.Connection[Any] = pymysql.connect(**self._settings.database, database="x_ray")
        return connection

    def _open_app(self) -> WebApp:
        if self._app is None:
            self._app = WebApp(self._settings, lambda: self._now, self._notes)
        return self._app

    def _close_app(self) -> None:
        if self._app is not None:
            app, self._app = self._app, None
            try:
                app.close()
            except pymysql.MySQLError:
                return  # it was gone already


def play_day(users: list[User], uploads: Iterable[Upload]) -> None:
    """Quiet hours one upload after another, by turns; in the rush hour all users at once."""
    rush: list[list[Upload]] = [[] for _ in users]
    for number, upload in enumerate(uploads):
        turn = number % len(users)
        if upload.rush:
            rush[turn].append(upload)
        else:
            users[turn].upload(upload)

    def work_off(user: User, mine: list[Upload]) -> None:
        for upload in mine:
            user.upload(upload)

    with ThreadPoolExecutor(len(users)) as pool:
        for done in [pool.submit(work_off, *pair) for pair in zip(users, rush, strict=True)]:
            done.result()


def main() -> dict[str, Any]:
    """Plays the days that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    day = datetime.fromisoformat
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--earliest", type=day, required=True, help="the first day of the whole play")
    parser.add_argument("--first", type=day, required=True, help="first day to play")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--per-day", type=int, required=True, help="predictions per day")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    target = Target.load(options.target)
    os.environ["AWS_ENDPOINT_URL"] = target.endpoint_url
    days, journal = Days(options.seed, options.per_day), Journal(options.journal)
    with tempfile.TemporaryDirectory() as folder:
        settings = target.app_settings(Path(folder))
        users = [User(settings, journal) for _ in range(USERS)]
        for number in range(options.days):
            today = options.first + timedelta(days=number)
            print(f"{today:%A, %Y-%m-%d}", flush=True)  # noqa: T201
            play_day(users, days.of(today, options.earliest))
    for user in users:
        user.close()
    journal.close()
    return dict(sum((user.counts for user in users), Counter()))


if __name__ == "__main__":
    print(json.dumps(main()), flush=True)  # noqa: T201
