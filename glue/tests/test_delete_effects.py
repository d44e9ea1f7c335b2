"""A purge reaches nothing beside what it deletes: rows that another table references are kept, triggers stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pymysql
import pytest

from tests.support.lab import Emulator, Lab, command
from tests.support.model_lab import ModelLab
from tests.support.mysql_server import MySqlServer
from tests.support.purge_user import RIGHTS, RIGHTS_0_1_0, purge_user
from tests.support.saved import saved_lab
from tests.support.workloads import on_every_model
from xray_backup import purge as purging
from xray_backup.archive import archive
from xray_backup.archive_policy import parse_policies
from xray_backup.database import Database
from xray_backup.delete_effects import DeleteEffects, find_delete_effects
from xray_backup.errors import BackupError
from xray_backup.kept_units import KeptUnits
from xray_backup.purge import purge
from xray_backup.purge_record import PurgeResult

DAY = 2


@pytest.fixture(scope="module")
def archived_once(server: MySqlServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Lab]]:
    folder = tmp_path_factory.mktemp("archived")
    with saved_lab(server, folder, lambda lab: lab.fill(20), lambda lab: archive(lab.run(), "a", DAY)) as back:
        yield back


@pytest.fixture
def archived(archived_once: Callable[[], Lab]) -> Iterator[Lab]:
    """20 old transactions of 5 boxes; the 20th is the last row and is not in the archive."""
    lab = archived_once()
    yield lab
    lab.drop_schemas(f"{lab.schema}_%")
    for (trigger,) in lab.sql(
        f"SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = '{lab.schema}'"
    ):
        lab.sql(f"DROP TRIGGER `{trigger}`")
    for table in ("note", "review", "log"):
        lab.sql(f"DROP TABLE IF EXISTS `{table}`")


def purged(lab: Lab, database: Database | None = None, dry_run: bool = False) -> PurgeResult:
    run = lab.run("purge", database=database or lab.database(), dry_run=dry_run)
    return purge(run, DAY, 50, 0.0)


def keys(lab: Lab, table: str = "transaction") -> set[int]:
    return {row[0] for row in lab.rows(table)}


def add_reviews(lab: Lab, rule: str, schema: str | None = None, of: str = "transaction", key: str = "") -> str:
    """A consumer's table with rows for transactions 3 and 7 (or boxes 3 and 33), and a child of its own."""
    schema = schema or lab.schema
    lab.sql(f"CREATE DATABASE IF NOT EXISTS `{schema}`")
    key = key or f"{of}_id"
    lab.sql(
        f"CREATE TABLE `{schema}`.review (review_id INT PRIMARY KEY, of_id INT, CONSTRAINT reviewed FOREIGN KEY (of_id)"
        f" REFERENCES `{lab.schema}`.`{of}` (`{key}`) ON DELETE {rule})"
    )
    lab.sql(
        f"CREATE TABLE `{schema}`.note (note_id INT PRIMARY KEY, review_id INT, FOREIGN KEY (review_id)"
        f" REFERENCES `{schema}`.review (review_id) ON DELETE {'CASCADE' if rule == 'CASCADE' else 'RESTRICT'})"
    )
    second = 7 if of == "transaction" else 33
    lab.sql(f"INSERT INTO `{schema}`.review VALUES (1, 3), (2, {second}), (3, {second}), (4, NULL)")
    lab.sql(f"INSERT INTO `{schema}`.note VALUES (1, 1), (2, 2), (3, NULL)")
    return schema


def add_remarks(lab: ModelLab, rule: str, schema: str) -> None:
    """A consumer's table with rows for units 3 and 7, and a child of its own."""
    key = lab.scope.anchor.key_columns
    columns = ", ".join(f"{column.quoted} {column.type.mysql} NULL" for column in key)
    names = ", ".join(column.quoted for column in key)
    lab.sql(f"CREATE DATABASE IF NOT EXISTS `{schema}`")
    lab.sql(
        f"CREATE TABLE `{schema}`.remark (remark_id INT AUTO_INCREMENT PRIMARY KEY, {columns}, CONSTRAINT remarked"
        f" FOREIGN KEY ({names}) REFERENCES `{lab.schema}`.{lab.anchor} ({names}) ON DELETE {rule})"
        " COLLATE utf8mb4_bin"
    )
    lab.sql(
        f"CREATE TABLE `{schema}`.answer (answer_id INT PRIMARY KEY, remark_id INT, FOREIGN KEY (remark_id)"
        f" REFERENCES `{schema}`.remark (remark_id) ON DELETE {'CASCADE' if rule == 'CASCADE' else 'RESTRICT'})"
    )
    for unit in (3, 7, 7):
        lab.sql(f"INSERT INTO `{schema}`.remark ({names}) SELECT {names} FROM {lab.anchor} WHERE {lab.is_unit(unit)}")
    lab.sql(f"INSERT INTO `{schema}`.remark VALUES ()")
    lab.sql(f"INSERT INTO `{schema}`.answer VALUES (1, 1), (2, 2), (3, NULL)")


@pytest.mark.parametrize("model", on_every_model(), indirect=True)
@pytest.mark.parametrize("elsewhere", [False, True], ids=["same schema", "other schema"])
@pytest.mark.parametrize("rule", ["CASCADE", "SET NULL", "RESTRICT", "NO ACTION"])
def test_units_that_another_table_references_are_kept_and_named_all_others_go(
    model_lab: ModelLab, rule: str, elsewhere: bool
) -> None:
    lab = model_lab
    lab.fill_units(20)
    # Otherwise the remarks would go with their unit.
    policies = parse_policies("+".join([lab.kind.policies, *(table.name for table in lab.scope.purged[1:])]))
    archive(lab.run(policies=policies), "a", DAY)
    schema = f"{lab.schema}_clinic" if elsewhere else lab.schema
    add_remarks(lab, rule, schema)
    before = lab.rows("remark", schema), lab.rows("answer", schema)
    kept = sorted(lab.named(3, 7), key=str)

    def purged_by(dry_run: bool = False) -> PurgeResult:
        return purge(lab.run("purge", policies=policies, dry_run=dry_run), DAY, 50, 0.0)

    dry, result = purged_by(dry_run=True), purged_by()
    assert (lab.rows("remark", schema), lab.rows("answer", schema)) == before
    assert lab.numbers() == {3, 7, 20}
    assert (dry.units["would_delete"], result.units["deleted"]) == (17, 17)
    for found in (dry, result):
        assert found.units["referenced"] == 2
        assert sorted(found.kept["referenced"], key=str) == kept
        assert found.obstacles == [
            f"{schema}.remark (foreign key remarked, ON DELETE {rule}) references rows of {lab.scope.anchor.name}:"
            f" {', '.join(map(str, kept))}"
        ]
    assert dry.rows == result.rows
    # Nothing is finished while something is kept: once the remarks are gone, the units go.
    lab.sql(f"DELETE FROM `{schema}`.answer")
    lab.sql(f"DELETE FROM `{schema}`.remark")
    last = purged_by()
    assert (last.units["gone"], last.units["deleted"]) == (17, 2)


def test_a_reference_to_a_box_keeps_the_box_s_whole_unit(archived: Lab) -> None:
    add_reviews(archived, "CASCADE", of="pred_bounding_box", key="pred_bbox_id")
    result = purged(archived)
    # Box 33 is of transaction 7, box 3 of the first.
    assert (result.kept, keys(archived)) == ({"referenced": [1, 7]}, {1, 7, 20})
    assert len(archived.rows("review")) == 4


def test_a_reference_by_another_column_than_the_key(archived: Lab) -> None:
    with archived.server.connect(archived.schema) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION restrict_fk_on_non_standard_key = OFF")
        cursor.execute(
            "CREATE TABLE review (review_id INT PRIMARY KEY, of_id INT,"
            " FOREIGN KEY (of_id) REFERENCES `transaction` (image_id) ON DELETE CASCADE)"
        )
        cursor.execute("INSERT INTO review VALUES (1, 4)")
    result = purged(archived)
    assert (result.kept, keys(archived), len(archived.rows("review"))) == ({"referenced": [4]}, {4, 20}, 1)


def test_a_reference_that_comes_after_the_look_is_found_in_the_transaction(
    archived: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_reviews(archived, "CASCADE")
    archived.sql("DELETE FROM note")
    archived.sql("DELETE FROM review")
    look = KeptUnits.take_out

    def late(*arguments: object) -> object:
        found = look(*arguments)  # type: ignore[arg-type]
        archived.sql("INSERT INTO review VALUES (1, 5)")
        return found

    monkeypatch.setattr(KeptUnits, "take_out", late)
    result = purged(archived)
    assert (result.kept, keys(archived), len(archived.rows("review"))) == ({"referenced": [5]}, {5, 20}, 1)
    assert result.obstacles != []


@pytest.mark.parametrize("model", on_every_model(), indirect=True)
@pytest.mark.parametrize(("timing", "position"), [("BEFORE", 0), ("AFTER", 0), ("AFTER", 1)])
def test_a_trigger_on_a_delete_keeps_every_unit_that_has_a_row_there(
    model_lab: ModelLab, timing: str, position: int
) -> None:
    lab, table = model_lab, model_lab.scope.purged[position].name
    lab.fill_units(20)
    archive(lab.run(), "a", DAY)
    # Unit 9 was archived with children: it is kept, too.
    lab.delete_children(9)
    before = lab.everything()
    log = f"{lab.schema}_clinic"
    lab.sql(f"CREATE DATABASE `{log}`")
    lab.sql(f"CREATE TABLE `{log}`.log (id INT)")
    lab.sql(f"CREATE TRIGGER gone {timing} DELETE ON `{table}` FOR EACH ROW INSERT INTO `{log}`.log VALUES (1)")
    dry, result = (purge(lab.run("purge", dry_run=dry_run), DAY, 50, 0.0) for dry_run in (True, False))
    for found in (dry, result):
        assert (set(found.units), found.rows[lab.scope.anchor.name]) == ({"blocked"}, 0)
        (obstacle,) = found.obstacles
        assert obstacle == f"trigger {lab.schema}.gone ({timing} DELETE) acts on every delete from {table}"
    assert (lab.rows("log", log), lab.everything()) == (set(), before)


def test_units_without_a_row_in_the_trigger_s_table_go(lab: Lab) -> None:
    lab.fill(6, boxes_each=0)
    lab.sql("INSERT INTO pred_bounding_box VALUES (1, 2, 1, 0.5, 1, 2, 3, 4), (2, 6, 1, 0.5, 1, 2, 3, 4)")
    archive(lab.run(), "a", DAY)
    lab.sql("CREATE TRIGGER gone AFTER DELETE ON pred_bounding_box FOR EACH ROW SET @gone = 1")
    assert purged(lab).units == {"blocked": 1, "deleted": 4}
    assert keys(lab) == {2, 6}


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER late AFTER DELETE ON `transaction` FOR EACH ROW INSERT INTO log VALUES (1)",
        "ALTER TABLE log ADD FOREIGN KEY (id) REFERENCES `transaction` (transaction_id) ON DELETE CASCADE",
    ],
    ids=["trigger", "foreign key"],
)
def test_a_trigger_or_a_foreign_key_that_comes_meanwhile_stops_the_purge(
    archived: Lab, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = archived
    lab.sql("CREATE TABLE log (id INT)")
    look = find_delete_effects

    def late(*arguments: object) -> DeleteEffects:
        found = look(*arguments)  # type: ignore[arg-type]
        lab.sql("INSERT INTO log VALUES (3)")
        lab.sql(statement)
        return found

    monkeypatch.setattr(purging, "find_delete_effects", late)
    with pytest.raises(BackupError, match="a trigger on them was made or dropped meanwhile; run it again"):
        purged(lab)
    assert (lab.rows("log"), len(keys(lab))) == ({(3,)}, 20)


def test_rows_that_go_by_a_trigger_which_nobody_sees_come_back(archived: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last guard, which needs no right: the server's own count of changed rows."""
    lab = archived
    lab.sql("CREATE TABLE log (id INT)")
    lab.sql("CREATE TRIGGER unseen AFTER DELETE ON `transaction` FOR EACH ROW INSERT INTO log VALUES (1)")
    monkeypatch.setattr("xray_backup.delete_effects._all_of", lambda *_: ())
    with pytest.raises(BackupError, match=r"the server changed \d+ rows where \d+ were deleted; rolled back"):
        purged(lab)
    assert (lab.rows("log"), len(keys(lab))) == (set(), 20)


def test_the_constructs_rights_are_all_that_a_purge_needs(archived: Lab) -> None:
    with purge_user(archived) as user:
        database = archived.database(**user)
        assert purged(archived, database, dry_run=True).units == {"would_delete": 19}
        assert purged(archived, database).units == {"deleted": 19}
        connection = database.connect()
        for denied in ("DELETE FROM image", "SELECT image_file FROM image", "SELECT COUNT(*) FROM image"):
            with pytest.raises(pymysql.MySQLError, match="command denied"), connection.cursor() as cursor:
                cursor.execute(denied)
        connection.close()
    assert (keys(archived), archived.count("image")) == ({20}, 20)


def test_tables_that_a_purge_has_nothing_to_do_with_do_not_stop_it(archived: Lab) -> None:
    archived.sql("CREATE TABLE log (word VARCHAR(9)) ENGINE = MyISAM")
    archived.sql("CREATE TABLE note (note_id INT PRIMARY KEY)")
    with purge_user(archived) as user:
        assert purged(archived, archived.database(**user)).units == {"deleted": 19}
    # A backup is not whole without them.
    with pytest.raises(BackupError, match=r"table .*log is of engine MyISAM: only InnoDB"):
        archive(archived.run(), "b", DAY)


def test_a_purge_to_which_other_tables_are_hidden_names_the_right_that_shows_them(archived: Lab) -> None:
    rights = {target: right for target, right in RIGHTS.items() if target != "*.*"}
    with (
        purge_user(archived, rights) as user,
        pytest.raises(BackupError, match=r"lacks REFERENCES \(.*: GRANT REFERENCES ON \*\.\*"),
    ):
        purged(archived, archived.database(**user))


def test_a_purge_that_cannot_see_deletes_nothing_and_names_the_rights(archived: Lab) -> None:
    missing = (
        "lacks TRIGGER .* on transaction, pred_bounding_box: GRANT TRIGGER .*lacks REFERENCES .*: GRANT REFERENCES"
    )
    with purge_user(archived, RIGHTS_0_1_0) as user:
        for dry_run in (True, False):
            with pytest.raises(BackupError, match=missing) as caught:
                purged(archived, archived.database(**user), dry_run)
            assert "\n" not in str(caught.value)
        # The statements of the line are all that was missing.
        for statement in str(caught.value).split("GRANT ")[1:]:
            archived.sql(f"GRANT {statement.partition(';')[0]}")
        assert purged(archived, archived.database(**user)).units == {"deleted": 19}


@pytest.mark.parametrize("rule", ["CASCADE", "RESTRICT"])
def test_a_table_that_may_not_be_read_keeps_every_unit_until_it_may(
    archived: Lab, emulator: Emulator, rule: str
) -> None:
    lab = archived
    schema = add_reviews(lab, rule, f"{lab.schema}_clinic")
    with purge_user(lab) as user:
        for mode, done in (("dry-run", "would be"), ("execute", "were")):
            code, error = ended(lab, emulator, mode, user)
            assert code == 1
            assert f"19 units {done} kept, 0 {done} deleted: " in error
            grant = error.partition("GRANT ")[2].strip()
            assert grant.startswith(f"SELECT (`of_id`) ON `{schema}`.`review` TO 'purge_")
        assert (len(keys(lab)), len(lab.rows("review", schema))) == (20, 4)
        lab.sql(f"GRANT {grant}")
        code, error = ended(lab, emulator, "execute", user)
        assert (code, keys(lab), len(lab.rows("review", schema))) == (1, {3, 7, 20}, 4)
        assert "2 units were kept, 17 were deleted: " in error
        assert error.rstrip().endswith("references rows of transaction: 3, 7")


def ended(lab: Lab, emulator: Emulator, mode: str, user: dict[str, str]) -> tuple[int, str]:
    """Exit code and error of `python -m xray_backup purge`."""
    options = lab.options(emulator, **user)
    process = command("purge", *options, "--older-than-days", str(DAY), "--mode", mode)
    _, error = process.communicate(timeout=60)
    return process.returncode, error
