"""One MySQL server and one emulator for all tests; a schema and a store of its own for each."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lab import Emulator, Lab
from tests.support.mariadb_server import MariaDbServer
from tests.support.model_lab import ModelLab, new_model_lab
from tests.support.mysql_server import REPOSITORY, MySqlServer, start_server
from tests.support.workload import Model
from tests.support.workloads import MODELS
from xray_backup.store import FolderStore, S3Store, Store

os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="eu-west-1")

# By marker, the option without which its tests are left out.
OPTIONS = {
    "every_boundary": ("--every-boundary", "kill at every boundary, not only at those that count"),
    "every_model": ("--every-model", "all faults on every model, not only on the X-ray one"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    for option, text in OPTIONS.values():
        parser.addoption(option, action="store_true", help=text)


def pytest_configure(config: pytest.Config) -> None:
    for marker, (option, _) in OPTIONS.items():
        config.addinivalue_line("markers", f"{marker}: only with {option}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    markers = [marker for marker, (option, _) in OPTIONS.items() if not config.getoption(option)]
    left_out = [item for item in items if any(map(item.get_closest_marker, markers))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def work_folder() -> Iterator[Path]:
    # One per process, so that two test runs at once do not meet.
    folder = REPOSITORY / ".local" / "test" / f"glue-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(work_folder: Path) -> Iterator[MySqlServer]:
    server = start_server(work_folder / "mysql")
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        ((version,),) = cursor.fetchall()
        print(f"\nMySQL {version} at {server.host}:{server.port}")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mariadb(work_folder: Path) -> Iterator[MySqlServer]:
    server = MariaDbServer(work_folder / "mariadb-server", "--innodb-buffer-pool-size=64M")
    server.initialize()
    yield server.start()
    server.stop()


@pytest.fixture(scope="session")
def emulator(work_folder: Path) -> Iterator[Emulator]:
    emulator = Emulator(work_folder / "moto.log")
    yield emulator
    emulator.stop()


@pytest.fixture(params=["s3", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    return new_s3_store(request.getfixturevalue("emulator"))


@pytest.fixture
def folder_store(tmp_path: Path) -> Store:
    return FolderStore(tmp_path / "store")


def new_s3_store(emulator: Emulator) -> S3Store:
    bucket = f"lake-{uuid.uuid4().hex[:12]}"
    emulator.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return S3Store(bucket, "backup", emulator.url)


@pytest.fixture
def s3_store(emulator: Emulator) -> Store:
    return new_s3_store(emulator)


@pytest.fixture
def loose_lab(server: MySqlServer, folder_store: Store) -> Iterator[Lab]:
    """A schema without foreign keys, as in a database that was set up by hand."""
    lab = Lab(server, folder_store, f"x_ray_{uuid.uuid4().hex[:8]}").create_schema(foreign_keys=False)
    yield lab
    lab.drop_schema()


@pytest.fixture
def lab(server: MySqlServer, folder_store: Store) -> Iterator[Lab]:
    lab = Lab(server, folder_store, f"x_ray_{uuid.uuid4().hex[:8]}").create_schema()
    yield lab
    lab.drop_schema()


@pytest.fixture
def s3_lab(server: MySqlServer, s3_store: Store) -> Iterator[Lab]:
    lab = Lab(server, s3_store, f"x_ray_{uuid.uuid4().hex[:8]}").create_schema()
    yield lab
    lab.drop_schema()


@pytest.fixture(scope="module", params=list(MODELS))
def model(request: pytest.FixtureRequest) -> Model:
    """Each model; a test may choose some of them by their names."""
    return MODELS[request.param]


@pytest.fixture
def model_lab(server: MySqlServer, folder_store: Store, model: Model) -> Iterator[ModelLab]:
    lab = new_model_lab(server, folder_store, model)
    yield lab
    lab.drop_schema()


@pytest.fixture
def s3_model_lab(server: MySqlServer, s3_store: Store, model: Model) -> Iterator[ModelLab]:
    lab = new_model_lab(server, s3_store, model)
    yield lab
    lab.drop_schema()
