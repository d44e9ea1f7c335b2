"""The report: its figures are those of manifests and records, it needs nothing from elsewhere, it names no image."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.support.lab import Emulator, Lab, command
from xray_backup.archive import archive
from xray_backup.errors import VerificationError
from xray_backup.layout import manifest_key
from xray_backup.manifest_store import load_manifest
from xray_backup.purge import purge
from xray_backup.report import Report, gather
from xray_backup.report_page import _duration, render, write_report
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.store import Store
from xray_backup.verify import verify_backups

PATIENT = "DOE^JANE-19610304.png"


class Page(HTMLParser):
    """Tables by caption-like heading, attributes that load something, and the tags with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.heading = ""
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "h2":
            self.heading = ""
        if tag == "tr":
            self.tables.setdefault(self.heading, []).append([])
        if tag in ("td", "th"):
            self.tables[self.heading][-1].append("")
        if tag in ("td", "th", "h2"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag == self._open[-1]:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "h2":
            self.heading += data
        elif self._open:
            self.tables[self.heading][-1][-1] += data.replace("\n", " ").replace("\xa0", " ")

    def rows(self, heading: str) -> list[dict[str, str]]:
        head, *rows = self.tables[heading]
        return [dict(zip(head, row, strict=True)) for row in rows]


def verified(lab: Lab) -> None:
    verify_backups(lab.run("verify"), ["latest"])


@pytest.fixture
def lived(lab: Lab) -> Lab:
    """Two snapshots, an archive, a purge, a drill and a verification."""
    lab.fill(30)
    lab.sql("UPDATE image SET image_file = %s WHERE image_id = 7", (PATIENT,))
    snapshot(lab.run(), "w1", 60)
    archive(lab.run(), "w1", 2)
    purge(lab.run("purge"), 2, 500, 0)
    snapshot(lab.run(), "w2", 60)
    restore(lab.run("restore"), ["snapshot-w1"], f"{lab.schema}_drill", Selection())
    verified(lab)
    return lab


def test_its_figures_are_those_of_manifests_and_records(lived: Lab) -> None:
    report = gather(lived.store, lived.events)
    page = Page(render(report))
    snapshots = page.rows("Snapshots")
    assert [(row["Backup"], row["Rows"], row["Files now"]) for row in snapshots] == [
        ("snapshot-w2", "36", "✓ whole"),
        ("snapshot-w1", "210", "✓ whole"),
    ]
    manifest = load_manifest(lived.store, "snapshot-w1")
    assert snapshots[1]["Started"] == manifest.started_at[:16].replace("T", " ")
    assert snapshots[1]["Size"] == f"{sum(table.size for table in manifest.tables.values()) / 1000:.1f} kB"
    (archived,) = page.rows("Archives")
    # The newest transaction stays out of an archive: the application takes the next key from it.
    assert (archived["Backup"], archived["Rows"], archived["Purged"]) == ("archive-w1", "203", "done")
    (purged,) = page.rows("Purges")
    assert (purged["Rows deleted"], purged["Rows kept"], purged["Ended"]) == ("174", "0", "✓ completed")
    (drill,) = page.rows("Restores and drills")
    assert (drill["Kind"], drill["Inserted"], drill["Result"]) == ("drill", "210", "✓ every row")
    (run,) = page.rows("Verifications")
    assert (run["Whole"], run["Result"]) == ("snapshot-w2", "✓ as it should be")
    assert report.attention == []
    # A backup that a drill, a purge or `verify` read again counts from then on.
    again = {backup.manifest.name: backup.proved_at for backup in (*report.snapshots, *report.archives)}
    assert again["snapshot-w1"] == report.restores[0].at
    assert again["snapshot-w2"] == report.verifications[0].at
    assert again["archive-w1"] == report.purges[0].at


def test_it_stands_alone_and_names_no_image(lived: Lab) -> None:
    text = render(gather(lived.store, lived.events))
    assert PATIENT not in text
    assert "img_" not in text
    assert {PATIENT.encode() in path.read_bytes() for path in Path(lived.store.url).rglob("*.json")} == {False}
    page = Page(text)
    assert {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "image"} == set()
    loads = [
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href")
    ]
    assert loads
    assert all(str(value).startswith("#") for value in loads)
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"}


def test_it_can_be_read_aloud(lived: Lab) -> None:
    page = Page(render(gather(lived.store, lived.events)))
    assert ("html", {"lang": "en"}) in page.tags
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    figures = [attributes for tag, attributes in page.tags if tag == "figure"]
    assert [figure["role"] for figure in figures] == ["img"] * 3
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert figures[0]["aria-label"] == f"Rows in each snapshot: 210 on {today}, 36 on {today}"
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_it_tells_what_asks_for_a_look(lab: Lab) -> None:
    lab.fill(5)
    snapshot(lab.run(), "w1", 60)
    report = gather(lab.store, lab.events)
    assert report.attention == ["No restore drill is on record."]
    late = replace(report, made_at=report.made_at + timedelta(days=9))
    assert late.attention[0] == "The newest snapshot is more than 8 days old."
    (file,) = (Path(lab.store.url) / "v1/snapshot/image").rglob("part-*.parquet")
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(VerificationError):
        verified(lab)
    damaged = gather(lab.store, lab.events)
    assert re.match(r"snapshot-w1 is damaged: .*was changed: 50 bytes", damaged.attention[0])
    assert re.match(r"The last verification failed: .*was changed: 50 bytes", damaged.attention[-1])
    page = Page(render(damaged))
    assert [row["Files now"] for row in page.rows("Snapshots")] == ["✗ damaged"]
    assert page.rows("Verifications")[0]["Whole"] == "none"


def newest_tile(report: Report) -> list[tuple[str, str]]:
    """Class and text of what stands in the tile of the newest snapshot, but for its size."""
    (tile,) = re.findall(r"<dt>Newest snapshot</dt>(.*?)</div>", render(report), re.S)
    return re.findall(r'<dd class="(.*?)">(.*?)</dd>', tile)


def test_the_newest_snapshot_s_tile_is_good_only_while_it_is_whole_and_new(lab: Lab) -> None:
    lab.fill(5)
    for slot in ("w1", "w2"):
        snapshot(lab.run(), slot, 60)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    (older, newest) = (
        next(Path(lab.store.url).joinpath(load_manifest(lab.store, name).tables["image"].prefix).glob("*"))
        for name in ("snapshot-w1", "snapshot-w2")
    )
    manifest = Path(lab.store.url) / manifest_key("snapshot-w2")
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[:50])
    problem = "a snapshot&#39;s manifest cannot be read"
    assert newest_tile(gather(lab.store, lab.events)) == [("main bad", today), ("bad", f"✗&nbsp;{problem}")]
    manifest.write_bytes(whole)
    older.unlink()
    report = gather(lab.store, lab.events)
    assert newest_tile(report) == [("main good", today)]
    late = replace(report, made_at=report.made_at + timedelta(days=9))
    assert newest_tile(late) == [("main bad", today), ("bad", "✗&nbsp;too old")]
    newest.unlink()
    assert newest_tile(gather(lab.store, lab.events)) == [("main bad", today), ("bad", "✗&nbsp;damaged")]


def test_a_restore_that_could_not_give_every_row_back_is_no_good_drill(lab: Lab) -> None:
    lab.fill(5)
    snapshot(lab.run(), "w1", 60)
    scratch = f"{lab.schema}_drill"
    restore(lab.run("restore"), ["latest"], scratch, Selection())
    lab.sql(f"UPDATE `{scratch}`.image SET folder = 'other' WHERE image_id = 3")
    restore(lab.run("restore"), ["latest"], scratch, Selection())
    report = gather(lab.store, lab.events)
    assert (report.restores[0].rows.conflicts, report.restores[0].rows.present) == (1, 34)
    assert report.attention == ["The last restore drill did not give every row back."]


def test_a_restore_of_a_part_or_into_the_database_itself_is_no_drill(lab: Lab) -> None:
    lab.fill(5)
    snapshot(lab.run(), "w1", 60)
    restore(lab.run("restore"), ["latest"], f"{lab.schema}_part", Selection(anchor_ids=[2]))
    restore(lab.run("restore"), ["latest"], None, Selection())
    restore(lab.run("restore", dry_run=True), ["latest"], f"{lab.schema}_dry", Selection())
    report = gather(lab.store, lab.events)
    assert [(run.is_drill, run.is_everything) for run in report.restores] == [(False, True), (True, False)]
    assert report.last_drill is None


def test_who_may_only_read_verifies_and_is_told_that_it_is_not_recorded(lab: Lab) -> None:
    lab.fill(5)
    snapshot(lab.run(), "w1", 60)
    (Path(lab.store.url) / "v1/_verifications").write_text("a folder cannot be made here")
    verified(lab)
    (told,) = lab.events.of("not_recorded")
    assert told["reason"].startswith(f"cannot write {lab.store.url}/v1/_verifications/")


def test_reports_lie_side_by_side_in_the_store(lab: Lab, store: Store) -> None:
    lab.store = store
    lab.fill(2)
    snapshot(lab.run(), "w1", 60)
    for _ in range(2):
        write_report(store, None, lab.events)
    pages = [told["page"] for told in lab.events.of("reported")]
    assert [f"{store.url}/{item.key}" for item in store.list("v1/_reports/")] == sorted(pages)
    content = store.read(pages[0].removeprefix(f"{store.url}/"))
    assert content is not None
    assert content.body.startswith(b"<!doctype html>")


def test_a_damaged_record_is_named_and_the_others_are_read(lab: Lab) -> None:
    lab.fill(2)
    snapshot(lab.run(), "w1", 60)
    restore(lab.run("restore"), ["latest"], f"{lab.schema}_drill", Selection())
    for folder in ("_restores", "_verifications", "_purges/finished"):
        lab.store.create(f"v1/{folder}/x.json", b"[1]")
    lab.store.create("v1/_purges/run/intent.json", b'{"archives": [], "before": "", "started_at": 5}')
    report = gather(lab.store, lab.events)
    damaged = [sentence for sentence in report.attention if "is damaged" in sentence]
    assert len(damaged) == len(report.attention) == 4
    assert damaged[1] == "The record v1/_restores/x.json is damaged (it is no JSON object)."
    assert len(report.restores) == 1


def test_on_the_command_line(s3_lab: Lab, emulator: Emulator, tmp_path: Path) -> None:
    s3_lab.fill(3)
    where = ["--store", s3_lab.store.url, "--endpoint-url", emulator.url]
    refused = command("report", *where)
    _, errors = refused.communicate(timeout=120)
    assert refused.returncode == 2
    assert errors == f"xray_backup: there is no snapshot in {s3_lab.store.url}: run `backup` first\n"
    snapshot(s3_lab.run(), "w1", 60)
    done = command("report", *where, "--log", "json")
    output, errors = done.communicate(timeout=120)
    assert (done.returncode, errors) == (0, "")
    told = json.loads(output.splitlines()[-1])
    assert told["attention"] == ["No restore drill is on record."]
    key = told["page"].removeprefix(f"s3://{s3_lab.store.url.split('/')[2]}/")
    answer = emulator.client("s3").get_object(Bucket=s3_lab.store.url.split("/")[2], Key=key)
    assert answer["ContentType"] == "text/html"
    nowhere = command("report", *where, "--output", str(tmp_path / "no" / "page.html"))
    _, errors = nowhere.communicate(timeout=120)
    assert nowhere.returncode == 2
    assert errors == f"xray_backup: cannot write --output {tmp_path}/no/page.html: No such file or directory\n"


CHROMIUM = next(
    (found for name in ("chromium", "chromium-headless-shell", "google-chrome") if (found := shutil.which(name))), None
)
MEASURE = """
const page = document.querySelector("iframe").contentDocument;
const letters = [...page.querySelectorAll("svg text")].map((text) => text.getBoundingClientRect().height);
const tables = [...page.querySelectorAll(".scroll")].map((table) => table.scrollWidth - table.clientWidth);
const width = page.documentElement.scrollWidth;
document.title = JSON.stringify({ width, cutOff: Math.max(...tables), letters: Math.min(...letters) });
"""


def in_chromium(page: Path, text: str) -> str:
    """Title of a page once its scripts have run."""
    page.write_text(text)
    done = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000",
         f"--user-data-dir={page.parent / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return html.unescape(re.findall(r"<title>(.*?)</title>", done.stdout)[0])


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine")
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_screen(lived: Lab, tmp_path: Path, width: int) -> None:
    text = html.escape(render(gather(lived.store, lived.events)))
    frame = f'<title></title><iframe width="{width}" height="800" style="border: 0" srcdoc="{text}"></iframe>'
    measured = json.loads(in_chromium(tmp_path / "frame.html", f"{frame}<script>onload = () => {{{MEASURE}}}</script>"))
    assert measured["width"] <= width
    assert measured["cutOff"] <= 0
    assert measured["letters"] > 8


POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def test_its_policy_comes_before_all_that_it_rules(lived: Lab) -> None:
    tags = Page(render(gather(lived.store, lived.events))).tags
    names = [tag for tag, _ in tags]
    policy = tags.index(("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}))
    assert policy < min(names.index("title"), names.index("style"))


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine")
@pytest.mark.parametrize("is_ruled", [True, False])
def test_a_script_that_came_into_it_does_not_run(lived: Lab, tmp_path: Path, is_ruled: bool) -> None:
    page = render(gather(lived.store, lived.events))
    if not is_ruled:
        page = page.replace(POLICY, "")
    broken_in = page.replace("</body>", "<script>document.title = 'run'</script></body>")
    assert broken_in != page
    title = in_chromium(tmp_path / "page.html", broken_in)
    assert (title == "run") == (not is_ruled)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(25, "25.0 s"), (100, "2 min"), (7_000, "117 min"), (9_000, "2.5 h"), (86_400, "24 h"), (604_800, "7 days")],
)
def test_a_duration_is_said_in_the_unit_that_suits_it(seconds: float, said: str) -> None:
    assert _duration(seconds) == said
