"""Uploads at a steady rate until it is told to stop, each as a run of the app's script: ini file read, log-in, upload.

Run as `python -m usage.steady --ini <file> --per-second <number>`. SIGTERM ends it after the upload that is under way;
its last line is a JSON object: uploads, requests (log-ins, statements, commits, objects) and failures by their error.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pymysql
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from xray_web_app.client import Box, Observer, Prediction, Row, WebApp
from xray_web_app.image_folder import ImageFolder
from xray_web_app.settings import read_settings

FAILURES = (pymysql.MySQLError, Boto3Error, BotoCoreError, ClientError, LookupError)


class Counting(Observer):
    """Counts the answers."""

    def __init__(self) -> None:
        self.requests = 0
        self.commits_done = 0

    def executed(self, _statement: str, _result: Row | int | pymysql.MySQLError) -> None:
        """A statement was answered."""
        self.requests += 1

    def committed(self) -> None:
        """A commit was answered."""
        self.requests += 1
        self.commits_done += 1


class Steady:
    """A web app that is used all the time."""

    def __init__(self, ini: Path, per_second: float) -> None:
        self._ini, self._seconds = ini, 1 / per_second
        # A client of S3 takes a quarter of a second of the processor.
        self._images = ImageFolder(read_settings(ini))
        self._observer, self._failures = Counting(), Counter[str]()
        self._uploads, self._objects, self._log_ins = 0, 0, 0
        self._stopped = False

    def stop(self, *_: object) -> None:
        """Lets the upload that is under way be the last one."""
        self._stopped = True

    def run(self) -> dict[str, Any]:
        """Uploads until it is stopped; what it did."""
        started = time.monotonic()
        while not self._stopped:
            try:
                self._upload()
            except FAILURES as error:
                code = error.args[0] if isinstance(error, pymysql.MySQLError) and error.args else ""
                self._failures[f"{type(error).__name__} {code}".strip()] += 1
            # A slow upload is made up for, so that the rate holds.
            due = started + (self._uploads + self._failures.total()) * self._seconds
            time.sleep(max(0.0, due - time.monotonic()))
        seconds = time.monotonic() - started
        return {
            "uploads": self._uploads,
            "commits_per_second": round(self._observer.commits_done / seconds, 1),
            "log_ins": self._log_ins,
            "requests": self._log_ins + self._objects + self._observer.requests,
            "failed": self._failures.total(),
            "failures": dict(self._failures),
            "seconds": round(seconds, 1),
        }

    def _upload(self) -> None:
        boxes = [Box(3, 0.8765, 611, 184, 757, 272)]
        with WebApp(read_settings(self._ini), observer=self._observer, images=self._images) as app:
            self._log_ins += 1
            # The app lists the whole folder; the emulator takes half a second for 1,000 names.
            app.upload(Prediction(f"img_{time.time_ns()}", 0.3, 0.5, boxes), b"an X-ray", known_images=set())
        self._objects += 1
        self._uploads += 1


def main() -> None:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ini", type=Path, required=True)
    parser.add_argument("--per-second", type=float, default=10)
    arguments = parser.parse_args()
    steady = Steady(arguments.ini, arguments.per_second)
    signal.signal(signal.SIGTERM, steady.stop)
    sys.stdout.write(f"{json.dumps(steady.run())}\n")


if __name__ == "__main__":
    main()
