"""Objects that cannot be deleted, that are not there, or that another person's row names."""

from __future__ import annotations

import pytest

from tests.support.erasures import erased, rows_of_images
from tests.support.faulty_s3 import FaultyS3
from tests.support.lab import Emulator, Lab
from tests.test_erase import CHOSEN, IMAGES, fill
from xray_backup.errors import BackupError, UsageError
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot


def test_an_image_that_an_archived_row_names_is_kept(s3_lab: Lab, emulator: Emulator) -> None:
    lab = s3_lab
    images = fill(lab, emulator)
    lab.sql("UPDATE image SET image_file = 'img_2' WHERE image_id = 3")
    snapshot(lab.run(), "s", 0)
    # The database is right by now: what it says of a row counts, not its older backup.
    lab.sql("UPDATE image SET image_file = 'img_3' WHERE image_id = 3")
    assert erased(lab, Selection(parent_ids=[2]), dry_run=True) is None
    for table, column in (("pred_bounding_box", "transaction_id"), ("transaction", "image_id"), ("image", "image_id")):
        lab.sql(f"DELETE FROM `{table}` WHERE {column} = 3")
    with pytest.raises(BackupError, match=r"snapshot-s: row 3 of image, which the database has no more, names the obj"):
        erased(lab, Selection(parent_ids=[2]))
    assert (images.versions("xray-images/img_2"), rows_of_images(lab, [2])["database"]) == (2, 7)
    assert erased(lab, Selection(parent_ids=[2, 3]))
    assert images.versions("xray-images/img_2") == 0


def test_an_id_that_is_nowhere_stops_the_others(s3_lab: Lab, emulator: Emulator) -> None:
    fill(s3_lab, emulator)
    with pytest.raises(UsageError, match=r"1 of the 2 chosen rows of image are neither .*: 71; check the keys"):
        erased(s3_lab, Selection(parent_ids=[2, 71]))
    assert rows_of_images(s3_lab, [2]) == {"database": 7}
    assert erased(s3_lab, Selection(parent_ids=[2]))
    # One that was erased before is known.
    assert erased(s3_lab, CHOSEN)


def test_objects_that_are_not_there_are_told(s3_lab: Lab, emulator: Emulator) -> None:
    images = fill(s3_lab, emulator)
    images.put("img_2")
    s3_lab.sql("UPDATE image SET folder = '' WHERE image_id = 2")
    erased(s3_lab, CHOSEN, dry_run=True)
    ((found,),) = [s3_lab.events.of("would_erase")]
    assert (found["objects"], found["missing"]) == (1, 1)
    done = erased(s3_lab, CHOSEN)
    assert done
    assert (done.objects, done.missing, done.versions, done.completed) == (1, 1, 2, True)
    assert images.versions("img_2") == 2


@pytest.mark.parametrize("denied", ["DELETE .*/img_2", "GET .*prefix=xray-images/img_2"])
def test_rows_whose_object_may_not_be_deleted(s3_lab: Lab, emulator: Emulator, denied: str) -> None:
    """As in a bucket of others, or outside the prefix of the images: the rows go, and the object is told."""
    lab = s3_lab
    images = fill(lab, emulator)
    proxy = FaultyS3(emulator.url, ["denied"], 1.0, denied.replace("prefix=xray-images/", "prefix=xray-images(%2F|/)"))
    try:
        with pytest.raises(
            BackupError, match=rf"1 objects are left: cannot \w+.* in s3://{images.bucket}/: AccessDenied"
        ):
            erased(lab, CHOSEN, objects_url=proxy.url)
        assert proxy.hits["denied"]
    finally:
        proxy.close()
    assert rows_of_images(lab, IMAGES) == {"database": 0}
    assert [images.versions(f"xray-images/img_{number}") for number in IMAGES] == [2, 0]
    # Found again by the digest of its name, where a role may delete it.
    done = erased(lab, CHOSEN)
    assert done
    assert (done.completed, done.versions, images.versions("xray-images/img_2")) == (True, 2, 0)


def test_a_bucket_that_cannot_be_asked_keeps_no_row(s3_lab: Lab, emulator: Emulator) -> None:
    lab = s3_lab
    images = fill(lab, emulator)
    lab.sql("UPDATE image SET bucket = 'no bucket has such a name' WHERE image_id = 2")
    for _ in range(2):
        # The second run has the digest of the name alone.
        with pytest.raises(BackupError, match=r"1 objects are left: cannot list the versions in s3://no bucket .*Val"):
            erased(lab, CHOSEN)
        assert rows_of_images(lab, IMAGES) == {"database": 0}
    assert images.versions("xray-images/img_5") == 0
