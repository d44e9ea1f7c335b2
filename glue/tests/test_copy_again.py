"""A unit of work reads what MySQL gives at once, and no less; done again after its process died, it doubles nothing."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.mysql_server import MySqlServer
from tests.support.odd_model import MODEL, OddLab, odd_lab
from tests.support.small_texts import SmallTexts
from xray_backup import range_copy
from xray_backup.data_file import decode, sent_of
from xray_backup.errors import BackupError, VerificationError
from xray_backup.key_range import KeyRange
from xray_backup.range_copy import CopiedFile, RangeCopy, copy_range
from xray_backup.store import FolderStore
from xray_backup.workplace import Workplace

LIMIT = 100
MARK = MODEL.table("mark")
TOP = 2**31 - 1


class DyingStore(FolderStore):
    """Dies after so many files were put."""

    def __init__(self, folder: Path, files: int) -> None:
        super().__init__(folder)
        self.files = files

    def create(self, key: str, body: bytes) -> str | None:
        if self.files == 0:
            raise KeyboardInterrupt
        self.files -= 1
        return super().create(key, body)


@pytest.fixture(scope="module")
def lab(server: MySqlServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OddLab]:
    with odd_lab(server, FolderStore(tmp_path_factory.mktemp("store"))) as lab:
        lab.insert("visit", [(1, None, "2022-01-01 00:00:00")])
        yield lab


def fill(lab: OddLab, words: dict[int, str]) -> None:
    lab.sql("DELETE FROM mark")
    if words:
        lab.insert("mark", [(key, 1, word) for key, word in words.items()])


def copied(lab: OddLab, prefix: str, last: int = TOP, store: FolderStore | None = None) -> list[CopiedFile]:
    workplace = Workplace(SmallTexts(lab.database().secret, "REQUIRED", limit=LIMIT), store or lab.store)
    return copy_range(workplace, RangeCopy(MARK, KeyRange(1, last), "TRUE", prefix))


def words_in(lab: OddLab, file: CopiedFile) -> dict[int, str]:
    content = lab.store.read(file.file.key)
    assert content is not None
    rows = decode(MARK, content.body, file.file.key)
    return dict(zip(rows["mark_id"].to_pylist(), rows["word"].to_pylist(), strict=True))


def new_prefix() -> str:
    return f"units/{uuid.uuid4().hex}/part"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 8) | st.integers(LIMIT - 18, LIMIT + 4), min_size=1, max_size=6), st.sampled_from("aü😀")
)
def test_a_text_near_what_mysql_gives_at_once_is_whole_or_refused(lab: OddLab, sizes: list[int], letter: str) -> None:
    width = len(letter.encode())
    words = {key: letter * (size // width) + "." * (size % width) for key, size in enumerate(sizes, 1)}
    fill(lab, words)
    # Key, parent and length of the text count as well.
    too_long = [key for key, size in zip(words, sizes, strict=True) if len(f"{key} 1 {size}") + size > LIMIT - 4]
    if too_long:
        with pytest.raises(BackupError, match=f"the row with mark_id {too_long[0]} has more than {LIMIT} bytes"):
            copied(lab, new_prefix())
    else:
        found: dict[int, str] = {}
        for file in copied(lab, new_prefix()):
            found |= words_in(lab, file)
        assert found == words


def test_wide_rows_before_a_key_at_the_end_of_the_numbers(lab: OddLab) -> None:
    """Ranges of keys that hold nothing are not gone through in steps of what fitted before."""
    words = dict.fromkeys([*range(1, 40), TOP // 2, TOP], "w" * 60)
    fill(lab, words)
    (file,) = copied(lab, new_prefix())
    assert words_in(lab, file) == words


WORDS = st.dictionaries(st.integers(1, 25), st.text("ab\n😀", min_size=4, max_size=20), max_size=9)


@settings(max_examples=20, deadline=None)
@given(before=WORDS, after=WORDS, files=st.integers(0, 5))
def test_a_unit_that_is_done_again_keeps_proved_files_and_mixes_nothing(
    lab: OddLab, before: dict[int, str], after: dict[int, str], files: int
) -> None:
    """Each answer of MySQL is a file; rows come, go and change between the two."""
    prefix = new_prefix()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(range_copy, "BYTES_PER_FILE", 0)
        fill(lab, before)
        folder = Path(lab.store.url)
        with contextlib.suppress(KeyboardInterrupt):
            copied(lab, prefix, 25, DyingStore(folder, files))
        left = {item.key: item.etag for item in lab.store.list(prefix.removesuffix("part"))}
        fill(lab, after)
        found = copied(lab, prefix, 25)
    stored = {item.key: item.etag for item in lab.store.list(prefix.removesuffix("part"))}
    assert stored == {file.file.key: file.file.etag for file in found}
    assert left.items() <= stored.items()
    reached = 0
    for file in found:
        content = lab.store.read(file.file.key)
        assert content is not None
        last = sent_of(content.body, file.file.key).last_key
        assert isinstance(last, int)
        state = before if file.file.key in left else after
        assert words_in(lab, file) == {key: word for key, word in state.items() if reached < key <= last}
        reached = last
    assert not [key for key in after if key > reached]


def test_a_file_that_is_not_of_the_unit_is_refused(lab: OddLab) -> None:
    fill(lab, {1: "a", 2: "b", 30: "c"})
    whole = copied(lab, new_prefix())[0].file.key
    content = lab.store.read(whole)
    assert content is not None
    for body, message in (
        (content.body, "is not of this range of keys; nothing was committed"),
        (content.body[: len(content.body) // 2], "is damaged"),
        (content.body.replace(b"xray_backup.sent", b"xray_backup.sant"), "is damaged"),
        (b"not Parquet", "is damaged"),
        (b"", "is damaged"),
    ):
        prefix = new_prefix()
        lab.store.create(f"{prefix}.parquet", body)
        with pytest.raises(VerificationError, match=message) as caught:
            copied(lab, prefix, 25)
        assert "\n" not in str(caught.value)
