"""The five tables of the example with a data model of its own, and a client that works on them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from typing import Any

from tests.support.mysql_server import REPOSITORY, MySqlServer
from tests.support.workload import Workload, Writer
from xray_backup.database import query

MIGRATION = REPOSITORY / "examples" / "own-data-model" / "migrations" / "V0001__create_slide_registry.sql"
TITLES = ("Haut", "peau d'été", "皮膚", 'with "quotes" \\ and\nlines', "🔬")


def registry_statements() -> list[str]:
    """The statements that make the registry's tables."""
    text = re.sub(r"--[^\n]*", "", MIGRATION.read_text("utf-8"))
    return [part for part in text.split(";") if part.strip()]


class SlideRegistry(Workload):
    """Text keys, keys of several columns, a table that references itself, JSON, a time that may be NULL."""

    name = "slide-registry"
    policies = "slide.scanned_at"
    number = "slide_no"
    child = "annotation"
    changed = "finding = 'changed'"

    def create(self, server: MySqlServer, schema: str) -> None:
        """Makes the schema with some tissues and specimens."""
        server.make_schema(schema, registry_statements())
        with server.connect(schema) as connection, connection.cursor() as cursor:
            above = None
            for code, title in zip(("skin", "dermis", "épi dermis", "it's", "z"), TITLES, strict=True):
                cursor.execute("INSERT INTO tissue VALUES (%s, %s, %s)", (code, above, title))
                cursor.execute("INSERT INTO specimen VALUES (%s, %s, '2022-01-03')", (f"B-{code}/1", code))
                above = code

    def fill(self, numbers: str) -> Sequence[str]:
        """Slides with two annotations each, and a review of the first of them."""
        codes = ", ".join(f"'B-{code}/1'" for code in ("skin", "dermis", "épi dermis", "it''s", "z"))
        accession = f"ELT(1 + i % 5, {codes})"
        return (
            f"INSERT INTO slide {numbers} SELECT {accession}, i, ELT(1 + i % 3, 'H&E', 'IHC', 'PAS'),"
            " CONCAT('slides/', i), '2022-05-01 11:08:23.125' + INTERVAL i SECOND,"
            " IF(i % 4, JSON_OBJECT('µm', i / 8, 'lens', JSON_ARRAY(i, NULL)), NULL) FROM n",
            *(
                f"INSERT INTO annotation {numbers} SELECT 2 * i - {odd}, {accession}, i, CONCAT('finding ', i),"
                " JSON_ARRAY(i, 0.5), IF(i % 3, i % 10000 / 10000, NULL) FROM n"
                for odd in (1, 0)
            ),
            f"INSERT INTO review {numbers} SELECT 2 * i - 1, 'Dr. O''x ü', 'agree', '2022-06-01' FROM n",
        )

    def step(self, writer: Writer, draw: random.Random) -> None:
        """A new slide; now and then another table's row is new, changed or deleted."""
        specimen = writer.one_of(draw, "specimen")
        assert specimen
        ((last,),) = query(writer.connection, "SELECT COALESCE(MAX(slide_no), 0) FROM slide")
        day = f"2022-05-{draw.randint(1, 28):02} {draw.randint(0, 23):02}:59:{draw.randint(0, 59):02}.001"
        reviews = [draw.randint(0, 2) for _ in range(draw.randint(0, 3))]
        self._slide(writer, specimen["accession"], last + 1, None if draw.random() < 0.1 else day, reviews,
                    draw.randint(0, 9_999), in_parts=draw.random() < 0.5)  # fmt: skip
        writer.commit()
        for chance, what in (
            (0.3, self._change), (0.15, self._delete), (0.2, self._change_kept), (0.1, self._add_kept),
        ):  # fmt: skip
            if draw.random() < chance:
                what(writer, draw)
                writer.commit()

    def _slide(
        self,
        writer: Writer,
        accession: str,
        number: int,
        scanned_at: str | None,
        reviews: list[int],
        salt: int,
        in_parts: bool = False,
    ) -> None:
        """A slide with one annotation for each number of reviews; in parts: the children are committed later."""
        scanner = json.dumps({"µm": salt / 8, "lens": [salt, None]}) if salt % 4 else None
        writer.insert(
            "slide", accession=accession, slide_no=number, stain=("H&E", "IHC", "PAS")[salt % 3],
            object_key=f"slides/{accession}/{salt}%s", scanned_at=scanned_at, scanner=scanner,
        )  # fmt: skip
        for count in reviews:
            if in_parts:
                writer.commit()
            key = writer.insert(
                "annotation", accession=accession, slide_no=number, finding=f"finding {salt}",
                outline=json.dumps([[salt, 0.5], [1, salt]]), score=f"0.{salt % 10_000:04}" if salt % 3 else None,
            )  # fmt: skip
            for reviewer in range(count):
                writer.insert("review", annotation_id=key, reviewer=f"Dr. O'{reviewer} ü", verdict="agree")

    def _change(self, writer: Writer, draw: random.Random) -> None:
        table, values = draw.choice([
            ("slide", {"scanner": json.dumps({"again": draw.randint(0, 99)})}),
            ("slide", {"scanned_at": f"2022-06-01 00:00:{draw.randint(0, 59):02}"}),
            ("annotation", {"score": f"0.{draw.randint(0, 9_999):04}", "finding": "seen again"}),
            ("review", {"verdict": draw.choice(["agree", "reject"])}),
        ])  # fmt: skip
        if key := self._newest(writer, draw, table):
            writer.change(table, key, **values)

    def _delete(self, writer: Writer, draw: random.Random) -> None:
        """A review, an annotation or a whole slide, from the leaves on."""
        key = self._newest(writer, draw, draw.choice(["slide", "annotation", "review"]))
        if not key:
            return
        if "reviewer" in key:
            writer.delete("review", key)
            return
        by_slide = "SELECT annotation_id FROM annotation WHERE accession = %s AND slide_no = %s"
        annotations = (
            [key["annotation_id"]]
            if "annotation_id" in key
            else [number for (number,) in query(writer.connection, by_slide, list(key.values()))]
        )
        for annotation in annotations:
            writer.delete("review", {"annotation_id": annotation})
            writer.delete("annotation", {"annotation_id": annotation})
        if "slide_no" in key:
            writer.delete("slide", key)

    def _newest(self, writer: Writer, draw: random.Random, table: str) -> dict[str, Any] | None:
        """The key of a slide in hand, or of a row of it."""
        if table != "slide":
            return writer.one_of(draw, table, 8)
        rows = query(writer.connection, "SELECT accession, slide_no FROM slide ORDER BY slide_no DESC LIMIT 6")
        return dict(zip(("accession", "slide_no"), draw.choice(rows), strict=True)) if rows else None

    def _change_kept(self, writer: Writer, draw: random.Random) -> None:
        tissue = writer.one_of(draw, "tissue")
        assert tissue
        writer.change("tissue", tissue, title=f"{draw.choice(TITLES)} {draw.randint(0, 99)}")

    def _add_kept(self, writer: Writer, draw: random.Random) -> None:
        above = writer.one_of(draw, "tissue")
        assert above
        code = f"t{draw.randint(0, 10**9)}"
        writer.insert("tissue", code=code, part_of=draw.choice([None, above["code"]]), title=draw.choice(TITLES))
        writer.insert("specimen", accession=f"B-{code}", tissue_code=code, collected_on="2022-01-01")
