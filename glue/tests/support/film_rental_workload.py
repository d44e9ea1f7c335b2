"""A client of the film rental: loans and payments grow old, the other fourteen tables stay."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from tests.support.film_rental import create_film_rental
from tests.support.mysql_server import MySqlServer
from tests.support.workload import Sql, Workload, Writer
from xray_backup.database import query

# The rows of a TINYINT UNSIGNED key must not run out.
MOST_SHOPS = 100


class FilmRental(Workload):
    """Sixteen tables with small unsigned keys; a shop and its clerks reference each other."""

    name = "film-rental"
    policies = "loan.loaned_at"
    number = "loan_id"
    child = "payment"
    changed = "amount = 123"

    def create(self, server: MySqlServer, schema: str) -> None:
        """Makes the schema with the rows of the tables that stay.

        Without the triggers that set the time of a new loan or payment: a restore could not bring an old one back, so
        a purge would keep it.
        """
        create_film_rental(server, schema)
        with server.connect(schema) as connection, connection.cursor() as cursor:
            for statement in (
                "DROP TRIGGER payment_dated", "DROP TRIGGER loan_dated", "DELETE FROM payment", "DELETE FROM loan",
                "ALTER TABLE payment AUTO_INCREMENT = 1", "ALTER TABLE loan AUTO_INCREMENT = 1",
            ):  # fmt: skip
                cursor.execute(statement)

    def fill(self, numbers: str) -> Sequence[str]:
        """Loans with two payments each."""
        people = "1 + i % 25, 1 + i % 2"
        return (
            f"INSERT INTO loan (loan_id, loaned_at, disc_id, returned_at, member_id, clerk_id) {numbers} SELECT i,"
            " '2022-05-01 11:00:00' + INTERVAL i SECOND, 1 + i % 80,"
            f" IF(i % 5, '2022-05-04 11:00:00' + INTERVAL i SECOND, NULL), {people} FROM n",
            *(
                f"INSERT INTO payment (payment_id, member_id, clerk_id, loan_id, amount, paid_at) {numbers}"
                f" SELECT 2 * i - {odd}, {people}, i, i % 90 + 0.{odd}9, '2022-05-01' + INTERVAL i SECOND FROM n"
                for odd in (1, 0)
            ),
        )

    def step(self, writer: Writer, draw: random.Random) -> None:
        """A new loan; now and then another table's row is new, changed or deleted."""
        day = f"2022-05-{draw.randint(1, 28):02} {draw.randint(0, 23):02}:{draw.randint(0, 59):02}:59"
        self._loan(writer, day, draw.randint(0, 9_999), draw.randint(0, 3), in_parts=draw.random() < 0.5)
        writer.commit()
        for chance, what in (
            (0.3, self._change), (0.15, self._delete), (0.2, self._change_kept), (0.15, self._add_kept),
        ):  # fmt: skip
            if draw.random() < chance:
                what(writer, draw)
                writer.commit()

    def _loan(self, writer: Writer, day: str, salt: int, payments: int, in_parts: bool = False) -> None:
        """A loan with its payments; in parts: they are committed later."""
        people: dict[str, Any] = {"member_id": 1 + salt % 25, "clerk_id": 1 + salt % 2}
        returned = None if salt % 5 == 0 else Sql(f"'{day}' + INTERVAL 3 DAY")
        loan = writer.insert("loan", loaned_at=day, disc_id=1 + salt % 80, returned_at=returned, **people)
        for part in range(payments):
            if in_parts:
                writer.commit()
            # One of no loan, which no policy reaches.
            of = None if in_parts and part == 2 else loan
            writer.insert("payment", loan_id=of, amount=f"{salt % 90}.{part:02}", paid_at=day, **people)

    def _change(self, writer: Writer, draw: random.Random) -> None:
        table, column, value = draw.choice([
            ("loan", "returned_at", f"2022-07-01 00:00:{draw.randint(0, 59):02}"),
            ("payment", "amount", f"{draw.randint(0, 99)}.50"),
            ("payment", "loan_id", (writer.one_of(draw, "loan", 6) or {"loan_id": None})["loan_id"]),
        ])  # fmt: skip
        if key := writer.one_of(draw, table, 8):
            writer.change(table, key, **{column: value})

    def _delete(self, writer: Writer, draw: random.Random) -> None:
        """A loan with its payments, or a payment."""
        if draw.random() < 0.5:
            if payment := writer.one_of(draw, "payment", 6):
                writer.delete("payment", payment)
        elif loan := writer.one_of(draw, "loan", 6):
            # A payment that came meanwhile would lose its loan without a word.
            writer.lock("loan", loan)
            writer.delete("payment", loan)
            writer.delete("loan", loan)

    def _change_kept(self, writer: Writer, draw: random.Random) -> None:
        number = draw.randint(0, 99)
        choices: list[tuple[str, dict[str, Any]]] = [
            ("film", {"description": f"changed {number}\\\n'"}), ("member", {"email": f"m{number}@example.com"}),
            ("clerk", {"picture": bytes([number, 0, 255])}), ("place", {"phone": f"+{number}"}),
            ("nation", {"nation": f"Österreich {number} 🌊"}), ("shop", {"place_id": 1 + number % 30}),
        ]  # fmt: skip
        table, values = draw.choice(choices)
        key = writer.one_of(draw, table)
        assert key
        writer.change(table, key, **values)
        if table == "film":
            # The trigger writes it there, too.
            writer.touch("film_text", key)

    def _add_kept(self, writer: Writer, draw: random.Random) -> None:
        draw.choice([self._member, self._film, self._shop, self._other_genre])(writer, draw)

    def _member(self, writer: Writer, draw: random.Random) -> None:
        place = writer.insert(
            "place", line1="new\troad", district="d", town_id=draw.randint(1, 12), phone="+1",
            location=Sql(f"ST_GeomFromText('POINT({draw.randint(-90, 90)} 0.5)')"),
        )  # fmt: skip
        writer.insert("member", shop_id=1, first_name="N", last_name="Ünal", place_id=place, joined="2022-01-01")

    def _film(self, writer: Writer, draw: random.Random) -> None:
        film = writer.insert("film", title=f"Film {draw.random()}", tongue_id=draw.randint(1, 3), extras="Trailers")
        writer.touch("film_text", {"film_id": film})
        writer.insert("film_performer", performer_id=draw.randint(1, 20), film_id=film)
        writer.insert("film_genre", film_id=film, genre_id=draw.randint(1, 4))
        writer.insert("disc", film_id=film, shop_id=draw.randint(1, 2))

    def _shop(self, writer: Writer, draw: random.Random) -> None:
        """A clerk of the first shop becomes the manager of a new one, and moves there."""
        ((shops,),) = query(writer.connection, "SELECT COUNT(*) FROM shop")
        if shops >= MOST_SHOPS:
            return
        clerk = writer.insert(
            "clerk", first_name="C", last_name="L", place_id=draw.randint(1, 30), shop_id=1, login="c"
        )
        shop = writer.insert("shop", manager_id=clerk, place_id=draw.randint(1, 30))
        writer.change("clerk", {"clerk_id": clerk}, shop_id=shop)

    def _other_genre(self, writer: Writer, draw: random.Random) -> None:
        """A film gets another genre: the row of the old one is deleted."""
        if old := writer.one_of(draw, "film_genre", 20):
            writer.delete("film_genre", old)
            writer.insert("film_genre", film_id=old["film_id"], genre_id=old["genre_id"] % 4 + 1)
