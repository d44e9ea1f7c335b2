"""The app's upload: the same calls and statements in the same order, values written into the text as the app does.

Nothing here is better than the app. What it does about ids, names and commits is the contract that bucket, schema,
backup and purge have to live with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymysql

from xray_web_app.image_folder import ImageFolder
from xray_web_app.settings import Settings

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Box:
    """One finding of the model: class, score from 0 to 1, corners in pixels of the image."""

    pred_class: int
    score: float
    x_min: int
    y_min: int
    x_max: int
    y_max: int


@dataclass(frozen=True)
class Prediction:
    """The findings of one run of the model on an image file, with the thresholds that the user chose."""

    image_file: str
    cs_thr: float
    nms_thr: float
    boxes: Sequence[Box]


class NoImageRowError(LookupError):
    """The object is in the bucket and no row of `image` names it: the app stops with a TypeError here, at every try."""


class Observer:
    """Told of each statement and each commit, in the app's order; a test writes them down."""

    def executed(self, statement: str, result: Row | int | pymysql.MySQLError) -> None:
        """A statement was answered: the first row of a query, the rows affected by an insert, or the error."""

    def commits(self, table: str, rows: list[str]) -> None:
        """The app is about to commit these rows of `table`, given as the text between the parentheses of VALUES."""

    def committed(self) -> None:
        """The commit was answered."""


class WebApp:
    """One run of the app's script: a connection and a session of its own, closed at the end."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], datetime] = datetime.now,
        observer: Observer | None = None,
        schema: str = "x_ray",
        images: ImageFolder | None = None,
    ) -> None:
        """
        Args:
            settings: from the ini file.
            clock: gives the time of a prediction; the app takes its host's.
            observer: told of statements and commits.
            schema: the app names `x_ray`; a test may have several on one server.
            images: of an earlier run (default: a new one, as the app makes).
        """
        self._clock = clock
        self._observer = observer or Observer()
        self._schema = schema
        self._images = images or ImageFolder(settings)
        self._connection = pymysql.connect(**settings.database)

    def close(self) -> None:
        """Ends the connection; what was not committed is gone."""
        self._connection.close()

    def __enter__(self) -> WebApp:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def list_images(self, prefix: str | None = None) -> set[str]:
        """File names in the images' folder; the folder marker, whose name is empty, is none.

        Args:
            prefix: the app lists the whole folder, which is the default.
        """
        return self._images.list(prefix)

    def upload(self, prediction: Prediction, content: bytes, known_images: set[str] | None = None) -> None:
        """Stores the image unless it is there, and the prediction.

        Args:
            prediction: of the image.
            content: the image file.
            known_images: what is in the bucket; the app lists the folder for each upload, which is the default.

        Raises:
            pymysql.MySQLError: a statement was refused; what was committed before it stays.
            NoImageRowError: the object is in the bucket without a row.
        """
        self._execute(f"USE {self._schema};")
        self._execute("SET FOREIGN_KEY_CHECKS=0;")
        images = self.list_images() if known_images is None else known_images
        if prediction.image_file not in images:
            self._images.put(prediction.image_file, content)
            self._add_image(prediction.image_file)
        transaction_id = self._add_transaction(prediction)
        self._add_boxes(transaction_id, prediction.boxes)

    def _add_image(self, image_file: str) -> None:
        image_id = self._next_id("SELECT MAX(image_id) from image;")
        values = f'{image_id}, "{self._images.bucket}", "{self._images.folder}", "{image_file}"'
        self._insert("image", [values])

    def _add_transaction(self, prediction: Prediction) -> int:
        row = self._execute(f'SELECT image_id FROM image WHERE image_file = "{prediction.image_file}";')
        if row is None:
            raise NoImageRowError(f"no row of table image has the name of the object {prediction.image_file}")
        transaction_id = self._next_id("SELECT MAX(transaction_id) FROM transaction;")
        time = f"{self._clock():%Y-%m-%d %H:%M:%S}"
        values = f'{transaction_id}, {row[0]}, "{time}", {prediction.cs_thr}, {prediction.nms_thr}'
        self._insert("transaction", [values])
        return transaction_id

    def _add_boxes(self, transaction_id: int, boxes: Sequence[Box]) -> None:
        first = self._next_id("SELECT MAX(pred_bbox_id) from pred_bounding_box;")
        rows = [
            f"{box_id}, {transaction_id}, {box.pred_class}, ROUND({box.score}, 3),"
            f" {box.x_min}, {box.y_min}, {box.x_max}, {box.y_max}"
            for box_id, box in enumerate(boxes, first)
        ]
        self._insert("pred_bounding_box", rows)

    def _next_id(self, statement: str) -> int:
        row = self._execute(statement)
        return (row[0] if row and row[0] is not None else 0) + 1

    def _insert(self, table: str, rows: list[str]) -> None:
        for row in rows:
            self._execute(f"INSERT INTO {table} VALUES({row})")
        self._observer.commits(table, rows)
        self._connection.commit()
        self._observer.committed()

    def _execute(self, statement: str) -> Row | None:
        with self._connection.cursor() as cursor:
            try:
                affected = cursor.execute(statement)
            except pymysql.MySQLError as error:
                self._observer.executed(statement, error)
                raise
            row: Row | None = cursor.fetchone() if cursor.description else None
            self._observer.executed(statement, affected if cursor.description is None else (row or ()))
            return row
