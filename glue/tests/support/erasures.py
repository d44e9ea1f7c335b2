"""Traces of a patient, of which an erasure leaves none: rows in the database and in every file, versions of objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.lab import TABLES, Emulator, Lab
from xray_backup.aws import aws_client
from xray_backup.data_file import decode, read_file
from xray_backup.erase import ErasureOptions, erase
from xray_backup.erase_objects import parse_row_objects
from xray_backup.erasure_record import ErasureEnded
from xray_backup.manifest_store import load_manifests
from xray_backup.object_versions import S3Versions
from xray_backup.restore_selection import Selection
from xray_backup.store import Store

OBJECTS = parse_row_objects("image=s3://{bucket}/{folder}/{image_file}")


@dataclass
class Images:
    """The bucket of the images, versioned; by default each image has two versions."""

    emulator: Emulator
    bucket: str
    with_lock: bool = False
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.emulator.client("s3")
        self.client.create_bucket(
            Bucket=self.bucket,
            CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
            ObjectLockEnabledForBucket=self.with_lock,
        )
        self.client.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    def put(self, *keys: str) -> None:
        for key in keys:
            for body in (b"an X-ray", b"the same X-ray"):
                self.client.put_object(Bucket=self.bucket, Key=key, Body=body)

    def versions(self, key: str = "") -> int:
        """Versions and markers of the objects whose keys begin so."""
        return len(list(self.below().below(key)))

    def below(self, bypass: bool = False) -> S3Versions:
        return S3Versions(self.client, self.bucket, "", bypass)


def erased(
    lab: Lab,
    selection: Selection,
    dry_run: bool = False,
    bypass: bool = False,
    objects: str | None = None,
    objects_url: str | None = None,
    former_stores: Sequence[Store] = (),
    former_schemas: Sequence[str] | None = None,
    **options: Any,
) -> ErasureEnded | None:
    """Runs an erasure in this process; objects are asked at `objects_url`, `options` are of the run."""
    url = objects_url or (getattr(lab.store, "client", None) and lab.store.client.meta.endpoint_url)  # type: ignore[attr-defined]

    def versions_in(bucket: str) -> S3Versions:
        return S3Versions(aws_client("s3", url), bucket, "", bypass)

    return erase(
        lab.run("erase", dry_run=dry_run, **options),
        selection,
        ErasureOptions(
            OBJECTS if objects is None else parse_row_objects(objects),
            bypass_governance=bypass,
            former_stores=former_stores,
            former_schemas=former_schemas,
        ),
        versions_in,
    )


def rows_of_images(lab: Lab, images: Sequence[int]) -> dict[str, int]:
    """Rows of these images, of their transactions and boxes: in the database, and in each backup's files."""
    transactions = "SELECT transaction_id FROM `transaction` WHERE image_id IN ({})"
    listed = ", ".join(map(str, images))
    conditions = {
        "image": f"image_id IN ({listed})",
        "transaction": f"image_id IN ({listed})",
        "pred_bounding_box": f"transaction_id IN ({transactions.format(listed)})",
    }
    found = {
        "database": sum(
            int(lab.sql(f"SELECT COUNT(*) FROM `{table}` WHERE {conditions[table]}")[0][0]) for table in TABLES
        )
    }
    for manifest in load_manifests(lab.store):
        rows = {}
        for table in manifest.model.tables:
            rows[table.name] = [
                row
                for file in manifest.tables[table.name].files
                for row in decode(table, read_file(lab.store, file.key).body, file.key).to_pylist()
            ]
        own = {row["transaction_id"] for row in rows["transaction"] if row["image_id"] in images}
        found[manifest.name] = (
            sum(row["image_id"] in images for row in rows["image"])
            + len(own)
            + sum(row["transaction_id"] in own for row in rows["pred_bounding_box"])
        )
    return found
