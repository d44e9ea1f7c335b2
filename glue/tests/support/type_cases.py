"""MySQL's column types, each with the values at its ends, odd ones, and random ones."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

MYSQL, MARIADB = "MySQL", "MariaDB"
BOTH = (MYSQL, MARIADB)
RANDOM_VALUES = 40

Draw = Callable[[Random], str]


@dataclass(frozen=True)
class TypeCase:
    """A column type as CREATE TABLE takes it, and expressions of its values.

    `exact` is the number of those that the typed column does not hold, `kept` of those that a purge keeps since no
    restore could insert them. `bits` reads more of a value `{v}` than its text. On MariaDB a text that
    `is_laid_out_by_mysql` may be exact.
    """

    type: str
    values: Sequence[str] = ()
    draw: Draw | None = None
    exact: int = 0
    kept: int = 0
    bits: str = "''"
    servers: Sequence[str] = BOTH
    generated: str = ""
    is_laid_out_by_mysql: bool = False

    def expressions(self) -> list[str]:
        random = Random(self.type)
        drawn = [self.draw(random) for _ in range(RANDOM_VALUES)] if self.draw else []
        return ["NULL", *self.values, *drawn]


def integers(bits: int, name: str) -> list[TypeCase]:
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return [
        TypeCase(name, [str(low), "-1", "0", "1", str(high)], lambda r: str(r.randint(low, high))),
        TypeCase(f"{name} unsigned", ["0", str(2**bits - 1)], lambda r: str(r.randrange(2**bits))),
        TypeCase(f"{name}(12) unsigned zerofill", ["0", "42", str(2**bits - 1)], lambda r: str(r.randrange(2**bits))),
    ]


def decimals(digits: int, scale: int, sign: str = "") -> TypeCase:
    def value(unscaled: int) -> str:
        text = str(abs(unscaled)).rjust(scale + 1, "0")
        point = f"{text[:-scale]}.{text[-scale:]}" if scale else text
        return f"-{point}" if unscaled < 0 else point

    top = 10**digits - 1
    low = 0 if sign else -top

    def draw(random: Random) -> str:
        # As many small numbers as large ones.
        return value(random.randint(low, top) // 10 ** random.randrange(digits))

    return TypeCase(
        f"decimal({digits},{scale}){sign}", [value(low), "0", "-0.0" if not sign else "0", value(1), value(top)], draw
    )


def double(random: Random) -> str:
    while True:
        (number,) = struct.unpack("<d", random.randbytes(8))
        if number == number and abs(number) != float("inf"):
            return f"'{number!r}'"


def usual_double(random: Random) -> str:
    numbers = random.random(), random.uniform(-1e6, 1e6), random.uniform(0, 1e-9), random.randint(0, 2**60)
    return f"'{random.choice(numbers)!r}'"


def double_of_decimals(random: Random) -> str:
    return f"'{random.uniform(-1, 1) * 10 ** random.randint(-28, 28)!r}'"


def single(random: Random) -> str:
    while True:
        (number,) = struct.unpack("<f", random.randbytes(4))
        if number == number and abs(number) != float("inf"):
            return f"'{number!r}'"


def bytes_literal(random: Random) -> str:
    return f"0x{random.randbytes(random.randrange(1, 60)).hex()}"


def text_literal(random: Random) -> str:
    letters = "abc'\\\"%\x00\x1f\n\r\t üß漢😀\u2028\ufeff\U0010ffff"
    return f"_utf8mb4 0x{''.join(random.choices(letters, k=random.randrange(1, 12))).encode().hex()}"


def time_text(random: Random, digits: int) -> str:
    fraction = f".{random.randrange(10**digits):0{digits}}" if digits else ""
    hours = random.randint(-837, 837)
    return f"'{hours:+04}:{random.randrange(60):02}:{random.randrange(60):02}{fraction}'"


def moment(random: Random, digits: int, first: int, last: int) -> str:
    fraction = f".{random.randrange(10**digits):0{digits}}" if digits else ""
    return (
        f"'{random.randint(first, last):04}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
        f" {random.randrange(24):02}:{random.randrange(60):02}:{random.randrange(60):02}{fraction}'"
    )


def fraction(digits: int) -> str:
    return f"({digits})" if digits else ""


def nines(digits: int) -> str:
    return f".{'9' * digits}" if digits else ""


def moments(digits: int) -> list[TypeCase]:
    end = f"23:59:59{nines(digits)}"
    return [
        TypeCase(
            f"datetime{fraction(digits)}",
            [
                "'1000-01-01'", f"'9999-12-31 {end}'", "'0000-00-00'", "'2020-00-00'", f"'2024-02-31 {end}'",
                "'2022-03-27 02:30:00'", f"'1969-12-31 {end}'",
            ],
            lambda r: moment(r, digits, 1000, 9999),
            exact=3,
        ),
        TypeCase(
            f"timestamp{fraction(digits)}",
            ["'1970-01-01 00:00:01'", f"'2038-01-19 03:14:07{nines(digits)}'", "'0000-00-00'"],
            lambda r: moment(r, digits, 1971, 2037),
            exact=1,
        ),
        TypeCase(
            f"time{fraction(digits)}",
            ["'-838:59:59'", f"'838:59:58{nines(digits)}'", "'00:00:00'", f"'-00:00:00{nines(digits)}'"],
            lambda r: time_text(r, digits),
        ),
    ]  # fmt: skip


def texts(name: str, character_set: str, raw: Sequence[str] = (), odd: Sequence[str] = ()) -> TypeCase:
    values = ["''", "'a'", f"_{character_set} 0x{'0A1F5C2700'}" if character_set == "latin1" else "'b'", *raw, *odd]
    return TypeCase(f"{name} CHARACTER SET {character_set}", values, exact=len(odd))


def shape(text: str, srid: int = 0) -> str:
    return f"ST_GeomFromText('{text}', {srid})"


FLOAT_BITS = "CONCAT_WS(' ', {v} * POW(2, 200), ATAN2({v}, -1))"
DOUBLE_BITS = "CONCAT_WS(' ', IF(ABS({v}) < 1, {v} * POW(2, 60), {v} * POW(2, -60)), ATAN2({v}, -1))"
JSON_BITS = "JSON_TYPE({v})"
SHAPES = {
    "point": "POINT(1.5 -2)",
    "linestring": "LINESTRING(0 0, 1 1, 2 0.1)",
    "polygon": "POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 1))",
    "multipoint": "MULTIPOINT(0 0, 1e-300 1e300)",
    "multilinestring": "MULTILINESTRING((0 0, 1 1), (2 2, 3 3))",
    "multipolygon": "MULTIPOLYGON(((0 0, 4 0, 4 4, 0 0)))",
    "geometrycollection": "GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))",
}
BINARIES = ("binary(60)", "varbinary(200)", "tinyblob", "blob", "mediumblob", "longblob")
SIXTY_FOUR = ",".join(f"'m{number}'" for number in range(64))

# Each group is one table.
GROUPS: dict[str, tuple[TypeCase, ...]] = {
    "integers": (
    TypeCase("bool", ["TRUE", "FALSE", "-128", "127"]),
    *integers(8, "tinyint"),
    *integers(16, "smallint"),
    *integers(24, "mediumint"),
    *integers(32, "int"),
    *integers(64, "bigint"),
    ),
    "decimals": (
    *(decimals(*parts) for parts in ((1, 0), (10, 2), (18, 6), (38, 0), (38, 7), (38, 30), (30, 30), (3, 3))),
    *(decimals(*parts) for parts in ((39, 0), (65, 30))),
    decimals(10, 2, " unsigned"),
    decimals(20, 9, " unsigned zerofill"),
    decimals(60, 5, " unsigned zerofill"),
    ),
    "floating point": (
    TypeCase(
        "float",
        [
            "0", "'-0'", "0.1", "-1.1754943508222875e-38", "'1e-45'", "3.4028234663852886e38", "16777216", "0.00005",
            "9.999999747378752e-5", "1e15", "-123456.789",
        ],
        single, bits=FLOAT_BITS,
    ),
    TypeCase("float(7,4)", ["0", "-999.9999", "0.0001"], lambda r: f"{r.uniform(-999, 999):.4f}", bits=FLOAT_BITS),
    TypeCase("float unsigned zerofill", ["0", "1.5"], lambda r: str(r.random()), bits=FLOAT_BITS),
    TypeCase(
        "double",
        [
            "0", "'-0'", "'0.1'", "'-2.2250738585072014e-308'", "'5e-324'", "'1.7976931348623157e308'", "'1e15'",
            "'999999999999999.9'", "'1e-15'", "'9.99e-16'", "'9007199254740993'", "'1.5e-7'", "'-123456789.125'",
            "'1e16'", "'100000'", "'1e22'", "'0.000001234567890123456'", "'1427247692705959.8'",
            "'-1234567890123456.5'", "'1234567890123456'", "'12345678901234568'", "'-0.0000012345678901234567'",
            "'1.2345678901234567e-14'",
            "'-0.00000123456789'", "'0.00000000000001234567'", "'123456789012.5'",
        ],
        lambda r: r.choice([double, usual_double])(r), bits=DOUBLE_BITS, is_laid_out_by_mysql=True,
    ),
    TypeCase("double(10,2)", ["0", "-99999999.99", "0.01"], lambda r: f"{r.uniform(-9e7, 9e7):.2f}", bits=DOUBLE_BITS),
    TypeCase("double(60,30)", ["1e-30", "-1e29"], double_of_decimals, bits=DOUBLE_BITS),
    TypeCase("double unsigned zerofill", ["0", "1.5"], lambda r: str(r.random()), bits=DOUBLE_BITS),
    ),
    "bits, years and dates": (
    TypeCase("bit(1)", ["b'0'", "b'1'"]),
    TypeCase("bit(10)", ["0", "10", "31", "1023"], lambda r: str(r.randrange(1024))),
    TypeCase("bit(64)", ["0", str(2**64 - 1), str(2**63)], lambda r: str(r.randrange(2**64))),
    TypeCase("year", ["0", "1901", "2155", "2024"]),
    TypeCase(
        "date",
        ["'1000-01-01'", "'9999-12-31'", "'0000-00-00'", "'2020-00-00'", "'2024-02-30'", "'0001-01-01'"],
        lambda r: moment(r, 0, 1000, 9999)[:11] + "'",
        exact=3,
    ),
    ),
    "times": (
    *(case for digits in range(7) for case in moments(digits)),
    ),
    "texts": (
    TypeCase("char(20)", ["''", "'  a'", "'a  '"], text_literal),
    TypeCase("varchar(200)", ["''", "'  a  '", "_ucs2 0xD8000041"], text_literal, exact=1),
    TypeCase("varchar(200) COLLATE utf8mb4_bin", ["''"], text_literal),
    *(TypeCase(f"{size}text", ["''", "REPEAT('ü', 100)"], text_literal) for size in ("tiny", "", "medium", "long")),
    ),
    "character sets": (
    texts("varchar(40)", "utf8mb3", ["'ü漢'"]),
    texts("char(40)", "ascii", ["'~'"]),
    texts("varchar(40)", "latin1", ["_latin1 0x80818D8F909DFF", "'é€'"]),
    texts("text", "latin2", ["'łő'"]),
    texts("varchar(40)", "ucs2", ["'ü漢'"], ["_ucs2 0xD8000041"]),
    texts("varchar(40)", "utf16", ["'ü漢😀'"]),
    texts("varchar(40)", "utf32", ["'ü漢😀'"]),
    texts("varchar(40)", "gbk", ["'漢'", "_gbk 0xA1A4"]),
    texts("varchar(40)", "big5", ["'漢'"]),
    texts("varchar(40)", "euckr", ["'한'"]),
    texts("char(40)", "cp932", ["'漢'"], ["_cp932 0xEEF981CA", "_cp932 0x8790"]),
    texts("varchar(40)", "sjis", ["'漢'"], ["_sjis 0x5C7E815F"]),
    texts("varchar(40)", "eucjpms", ["'漢'"]),
    texts("varchar(40)", "utf16le", ["'ü漢😀'"]),
    texts("varchar(40)", "ujis", ["'漢'"]),
    texts("varchar(40)", "gb2312", ["'汉'"]),
    TypeCase("varchar(40) CHARACTER SET gb18030", ["'漢😀'", "_gb18030 0x8336C738"], servers=[MYSQL]),
    ),
    "lists": (
    TypeCase("enum('a','é') CHARACTER SET latin1", ["1", "2"]),
    TypeCase("enum('a','','0','b\x1fc','ü漢','it''s','x)y','n\\nl','b\\\\s,`')", list("123456789")),
    TypeCase("enum('a','0')", ["1", "'00'"], exact=1, servers=[MYSQL]),
    TypeCase("set('a','b','c')", ["''", "1", "7", "5"]),
    TypeCase("set('','a')", ["0", "1", "2", "3"], exact=1),
    TypeCase(f"set({SIXTY_FOUR})", ["0", str(2**64 - 1), str(2**63)], lambda r: str(r.randrange(2**64))),
    ),
    "a list of which MariaDB takes no index 0": (
        TypeCase("enum('a','0')", ["1", "''"], exact=1, kept=1, servers=[MARIADB]),
    ),
    "bytes": (
    *(TypeCase(name, ["''", "0x00", "0xFF1F0A5C27"], bytes_literal) for name in BINARIES),
    ),
    "JSON": (
    TypeCase(
        "json",
        [
            "'null'", "'true'", "'\"\"'", "'[]'", "'{}'", "'1'", "'-0.0'", "'1e300'", "'18446744073709551615'",
            """'{"b": [1, 2.5, {"c": null}], "a": "ü\\\\u001f\\\\n\\\\"😀한"}'""",
        ],
        bits=JSON_BITS,
    ),
    TypeCase(
        "json",
        [
            "JSON_ARRAY(1.50, -0e0, 1, 2.5e0, 1e300, TRUE, NULL, CAST(7 AS DECIMAL(3,0)), 18446744073709551615)",
            """JSON_OBJECT('b', JSON_ARRAY(1.5, JSON_OBJECT('z', CURRENT_DATE, 'y\\'\\\\"ü', JSON_ARRAY(5, CAST(5 AS
            UNSIGNED), 'x\n😀'))), 'aa', JSON_OBJECT('q', 1, 'c', 2.5, 'e', JSON_ARRAY(), 'o', JSON_OBJECT())) """,
            "CAST(CAST('-10:00:00.5' AS TIME(1)) AS JSON)", "JSON_ARRAY(CAST(0xFF01 AS BINARY), NOW(6))",
            "CAST(-99999999999999999999999999999999999.999999999999999999999999999999 AS JSON)",
            "CAST(CAST(1 AS UNSIGNED) AS JSON)", "JSON_ARRAY(1, 2.5e0, 1e15, 123456789012345680000e0, 1.5e-7)",
        ],
        exact=6, bits=JSON_BITS, servers=[MYSQL],
    ),
    ),
    "JSON that no literal gives": (
    TypeCase(
        "json",
        # Half of a surrogate pair, and bits.
        ["JSON_ARRAY(_ucs2 0xD8000041)", "JSON_ARRAY((SELECT b FROM bits))", "JSON_ARRAY(1.5)"],
        exact=3, kept=2, bits=JSON_BITS, servers=[MYSQL],
    ),
    ),
    "shapes": (
    *(TypeCase(name, [shape(text), shape(text, 3857)]) for name, text in SHAPES.items()),
    TypeCase("geometry", [shape(text, 3857) for text in SHAPES.values()]),
    ),
    "generated and invisible": (
    TypeCase("bigint", generated="GENERATED ALWAYS AS (id * 2) VIRTUAL"),
    TypeCase("varchar(20)", generated="GENERATED ALWAYS AS (CONCAT('x', id)) STORED"),
    TypeCase("int INVISIBLE", ["1", "2"]),
    ),
}  # fmt: skip
