"""The app's needs, tried as the app does it, on a deployed bucket and database as the app's own user."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pymysql
import pytest
from conftest import Recorder
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pymysql.constants import ER

from xray_web_app.client import Box, NoImageRowError, Observer, Prediction, Row, WebApp
from xray_web_app.images import chest_image
from xray_web_app.settings import Settings
from xray_web_app.target import Target

Query = Callable[..., list[tuple[Any, ...]]]

BOXES = [Box(3, 0.8765, 611, 184, 757, 272), Box(0, 0.5, 583, 168, 767, 348), Box(13, 0.0004, 0, 0, 1, 1)]
NOON = datetime(2026, 3, 4, 12, 0, 0)
DICOM_FILES = ["CT_small.dcm", "MR_small.dcm", "examples_rgb_color.dcm"]
PICTURES = [("PNG", 1), ("PNG", 8), ("PNG", 20), ("JPEG", 1), ("JPEG", 8), ("JPEG", 20)]
REFUSED = ["DELETE FROM pred_bounding_box", "UPDATE image SET bucket = 'x'", "DROP TABLE image"]
# The guide's statement for an operator. The row's id comes from AUTO_INCREMENT, so that no user's id is in its way.
MEND = "INSERT INTO image (bucket, folder, image_file) VALUES (%s, %s, %s)"


def new_name(suffix: str = ".png") -> str:
    return f"img_{uuid.uuid4().hex[:12]}{suffix}"


def prediction(name: str, boxes: list[Box] = BOXES) -> Prediction:
    return Prediction(name, cs_thr=0.3, nms_thr=0.5, boxes=boxes)


def upload(settings: Settings, name: str, recorder: Observer | None = None, content: bytes = b"\x89PNG") -> None:
    with WebApp(settings, lambda: NOON, recorder) as app:
        app.upload(prediction(name), content)


def stored(query: Query, name: str) -> list[tuple[Any, ...]]:
    return query(
        "SELECT t.time, t.cs_thr, t.nms_thr, b.pred_class, b.pred_cs, b.x_min, b.y_min, b.x_max, b.y_max FROM image i"
        " JOIN transaction t USING (image_id) JOIN pred_bounding_box b USING (transaction_id)"
        " WHERE i.image_file = %s ORDER BY t.transaction_id, b.pred_bbox_id",
        name,
    )


# `ROUND(score, 3)` and the thresholds, as DECIMAL(4, 3) holds them.
STORED_BOXES = [
    (NOON, Decimal("0.300"), Decimal("0.500"), 3, Decimal("0.877"), 611, 184, 757, 272),
    (NOON, Decimal("0.300"), Decimal("0.500"), 0, Decimal("0.500"), 583, 168, 767, 348),
    (NOON, Decimal("0.300"), Decimal("0.500"), 13, Decimal("0.000"), 0, 0, 1, 1),
]


def read_object(target: Target, name: str) -> bytes:
    body: bytes = (
        target.client("s3").get_object(Bucket=target.bucket, Key=f"{target.images_prefix}/{name}")["Body"].read()
    )
    return body


def test_new_image(settings: Settings, query: Query, target: Target, recorder: Recorder) -> None:
    name, content = new_name(), chest_image("PNG", 1, seed=0)
    upload(settings, name, recorder, content)
    assert stored(query, name) == STORED_BOXES
    assert query("SELECT bucket, folder FROM image WHERE image_file = %s", name) == [
        (target.bucket, target.images_prefix)
    ]
    assert read_object(target, name) == content


@pytest.mark.parametrize("file", DICOM_FILES)
def test_dicom_file(file: str, settings: Settings, query: Query, target: Target, tmp_path: Path) -> None:
    source = get_testdata_file(file, download=False)
    assert isinstance(source, str)
    name, content = new_name(".dcm"), Path(source).read_bytes()
    upload(settings, name, content=content)
    assert stored(query, name) == STORED_BOXES
    (tmp_path / "back.dcm").write_bytes(read_object(target, name))
    assert dcmread(tmp_path / "back.dcm") == dcmread(source)


@pytest.mark.parametrize(("kind", "megabytes"), PICTURES)
def test_picture(kind: str, megabytes: int, settings: Settings, query: Query, target: Target) -> None:
    name, content = new_name(f".{kind.lower()}"), chest_image(kind, megabytes, seed=megabytes)
    assert 0.8 < len(content) / (megabytes * 1e6) < 1.25
    upload(settings, name, content=content)
    assert stored(query, name) == STORED_BOXES
    assert read_object(target, name) == content


def test_image_that_is_already_there(settings: Settings, query: Query, target: Target, recorder: Recorder) -> None:
    name = new_name()
    upload(settings, name)
    upload(settings, name, recorder, content=b"another run sends the image again")
    assert stored(query, name) == STORED_BOXES * 2
    assert query("SELECT COUNT(*) FROM image WHERE image_file = %s", name) == [(1,)]
    assert read_object(target, name) == b"\x89PNG"


def test_folder_marker_is_no_image(settings: Settings, target: Target) -> None:
    listed = target.client("s3").list_objects_v2(Bucket=target.bucket, Prefix=f"{target.images_prefix}/", MaxKeys=1)
    assert [found["Key"] for found in listed["Contents"]] == [f"{target.images_prefix}/"]
    with WebApp(settings) as app:
        assert "" not in app.list_images()


def test_several_predictions_in_one_second(settings: Settings, query: Query, recorder: Recorder) -> None:
    name = new_name()
    for _ in range(5):
        upload(settings, name, recorder)
    assert stored(query, name) == STORED_BOXES * 5
    times = query("SELECT time FROM transaction JOIN image USING (image_id) WHERE image_file = %s", name)
    assert times == [(NOON,)] * 5


def test_prediction_without_a_box(settings: Settings, query: Query) -> None:
    name = new_name()
    with WebApp(settings) as app:
        app.upload(prediction(name, boxes=[]), b"x")
    ids = query("SELECT transaction_id FROM transaction JOIN image USING (image_id) WHERE image_file = %s", name)
    assert len(ids) == 1


class BothAsk(Recorder):
    """Holds a user after `SELECT MAX(id)` of one table until the other one has asked too: both get the same id."""

    def __init__(self, scenario: str, table: str, asked: threading.Event, other_asked: threading.Event) -> None:
        super().__init__(scenario)
        self._table, self._asked, self._other_asked = table, asked, other_asked

    def executed(self, statement: str, result: Row | int | pymysql.MySQLError) -> None:
        super().executed(statement, result)
        words = statement.lower().rstrip(";").split()
        if words[1].startswith("max(") and words[-1] == self._table:
            self._asked.set()
            assert self._other_asked.wait(timeout=30)


def collide(settings: Settings, names: list[str], table: str) -> tuple[str, pymysql.MySQLError]:
    """Two users get the same next id for `table`, and no other of the same: the name that lost, and its error."""
    asked = [threading.Event(), threading.Event()]
    errors: dict[str, Exception] = {}

    def use(number: int) -> None:
        scenario = f"two users, same id of {table}: user {'AB'[number]}"
        if number:
            assert asked[0].wait(timeout=30)
        try:
            upload(settings, names[number], BothAsk(scenario, table, asked[number], asked[1 - number]))
        except Exception as error:
            errors[names[number]] = error

    threads = [threading.Thread(target=use, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ((loser, error),) = errors.items()
    assert isinstance(error, pymysql.IntegrityError)
    return loser, error


@pytest.mark.parametrize("table", ["transaction", "pred_bounding_box"])
def test_two_users_at_once(table: str, settings: Settings, query: Query, recorder: Recorder) -> None:
    names = [new_name(), new_name()]
    loser, error = collide(settings, names, table)
    assert error.args[0] == ER.DUP_ENTRY
    (winner,) = set(names) - {loser}
    assert stored(query, winner) == STORED_BOXES
    assert stored(query, loser) == []
    # The image's commit stands. So does the transaction's where the boxes collided: a prediction without a box.
    half = query("SELECT COUNT(*) FROM transaction JOIN image USING (image_id) WHERE image_file = %s", loser)
    assert half == [(1 if table == "pred_bounding_box" else 0,)]
    upload(settings, loser, recorder)
    assert stored(query, loser) == STORED_BOXES
    assert query("SELECT COUNT(*) FROM image WHERE image_file = %s", loser) == [(1,)]


def test_two_users_at_once_with_new_images(
    settings: Settings, query: Query, target: Target, recorder: Recorder
) -> None:
    """The app stores the object first, so its next try takes the image for known and stops: a row must be added."""
    names = [new_name(), new_name()]
    loser, error = collide(settings, names, "image")
    assert error.args[0] == ER.DUP_ENTRY
    assert query("SELECT COUNT(*) FROM image WHERE image_file IN (%s, %s)", *names) == [(1,)]
    assert read_object(target, loser) == b"\x89PNG"
    with pytest.raises(NoImageRowError) as stopped:
        upload(settings, loser, recorder)
    recorder.failed(stopped.value)
    query(MEND, target.bucket, target.images_prefix, loser)
    recorder.executed(MEND % (f"'{target.bucket}'", f"'{target.images_prefix}'", f"'{loser}'"), 1)
    upload(settings, loser, recorder)
    assert stored(query, loser) == STORED_BOXES


def test_connection_that_ends_before_a_commit(settings: Settings, query: Query) -> None:
    """Nothing of the statement is left; a new run of the script goes on."""
    name = new_name()

    class PulledPlug(Observer):
        def commits(self, table: str, rows: list[str]) -> None:
            if table == "pred_bounding_box":
                raise ConnectionError(f"{len(rows)} boxes were not committed")

    with pytest.raises(ConnectionError):
        upload(settings, name, PulledPlug())
    assert stored(query, name) == []
    upload(settings, name)
    assert stored(query, name) == STORED_BOXES


@pytest.mark.parametrize("statement", REFUSED)
def test_app_user_cannot_lose_a_row(statement: str, query: Query) -> None:
    with pytest.raises(pymysql.MySQLError) as refused:
        query(statement)
    assert refused.value.args[0] == ER.TABLEACCESS_DENIED_ERROR


def test_tls_is_on_and_another_authority_is_refused(settings: Settings, query: Query, tmp_path: Path) -> None:
    ((_, cipher),) = query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    assert cipher
    wrong = {**settings.database, "ssl_ca": str(other_authority(tmp_path))}
    with pytest.raises(pymysql.OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        pymysql.connect(**wrong)  # type: ignore[call-overload]
    # `ssl_ca` without `ssl_verify_identity` encrypts, and takes whoever answers for the server.
    unchecked = {key: value for key, value in wrong.items() if key != "ssl_verify_identity"}
    pymysql.connect(**unchecked).close()  # type: ignore[call-overload]


def other_authority(folder: Path) -> Path:
    """The certificate of an authority that has nothing to do with the server."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "another authority")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "other.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return file


def highest(query: Query) -> list[int]:
    tables = {"image": "image_id", "transaction": "transaction_id", "pred_bounding_box": "pred_bbox_id"}
    return [query(f"SELECT MAX({key}) FROM {table}")[0][0] for table, key in tables.items()]
