"""The rules, each said once for every engine: twenty over TPC-H's lineitem, and as many more as a sweep asks for."""

import dataclasses

KEY = ["l_orderkey", "l_linenumber"]


@dataclasses.dataclass(frozen=True)
class Rule:
    """What is expected of a row. `good` is SQL that is not FALSE then; the other fields say the same in the words
    that an engine has for it."""

    name: str
    good: str
    not_null: str | None = None
    between: tuple | None = None  # column, least, greatest
    among: tuple | None = None  # column, values
    regex: tuple | None = None  # column, pattern
    longest: tuple | None = None  # column, characters
    not_after: tuple | None = None  # column, the one that it does not exceed
    unique: bool = False

    @property
    def expectation(self):
        """As weir has it."""
        if self.unique:
            return f"UNIQUE ({', '.join(KEY)})"
        if self.not_null:
            return f"NOT NULL ({self.not_null})"
        return f"({self.good})"


def literal(value):
    return f"'{value}'" if isinstance(value, str) else str(value)


def not_null(column):
    return Rule(f"{column}_present", f"{column} IS NOT NULL", not_null=column)


def between(column, least, greatest, name=None):
    good = f"{column} BETWEEN {literal(least)} AND {literal(greatest)}"
    return Rule(name or f"{column}_range", good, between=(column, least, greatest))


def among(column, *values):
    return Rule(f"{column}_values", f"{column} IN ({', '.join(map(literal, values))})", among=(column, values))


TWENTY = [
    not_null("l_orderkey"),
    not_null("l_partkey"),
    not_null("l_comment"),
    between("l_linenumber", 1, 7),
    between("l_quantity", 1, 50),
    between("l_extendedprice", 1, 200000),
    between("l_discount", 0, 0.1),
    between("l_tax", 0, 0.08),
    between("l_suppkey", 1, 10_000_000),
    among("l_returnflag", "A", "N", "R"),
    among("l_linestatus", "F", "O"),
    among("l_shipmode", "AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"),
    among("l_shipinstruct", "COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN"),
    Rule("l_comment_length", "length(l_comment) <= 44", longest=("l_comment", 44)),
    Rule("l_shipinstruct_pattern", "regexp_like(l_shipinstruct, '^[A-Z ]+$')", regex=("l_shipinstruct", "^[A-Z ]+$")),
    between("l_shipdate", "1992-01-01", "1998-12-31"),
    Rule("shipped_before_received", "l_shipdate <= l_receiptdate", not_after=("l_shipdate", "l_receiptdate")),
    Rule("flag_and_status", "l_linestatus <> 'O' OR l_returnflag = 'N'"),
    Rule("unit_price", "l_extendedprice BETWEEN 900 * l_quantity AND 2100 * l_quantity"),
    Rule("key", "", unique=True),
]

# What a row is spoilt by: one assignment each, in the order of the rules but the last.
DEFECTS = [
    ("l_orderkey", "NULL"), ("l_partkey", "NULL"), ("l_comment", "NULL"), ("l_linenumber", "9"), ("l_quantity", "-1"),
    ("l_extendedprice", "0"), ("l_discount", "0.5"), ("l_tax", "0.9"), ("l_suppkey", "0"), ("l_returnflag", "'X'"),
    ("l_linestatus", "'X'"), ("l_shipmode", "'CART'"), ("l_shipinstruct", "'LOSE'"),
    ("l_comment", "l_comment || repeat('x', 44)"), ("l_shipinstruct", "'none'"), ("l_shipdate", "DATE '2020-01-01'"),
    ("l_receiptdate", "DATE '1992-01-01'"), ("l_linestatus", "CASE l_returnflag WHEN 'N' THEN 'F' ELSE 'O' END"),
    ("l_extendedprice", "199999"), ("l_linenumber", "l_linenumber % 7 + 1"),
]


def rules(number, with_key=True):
    """The first so many rules; behind the twenty come ranges with other bounds. The key is the last of the twenty."""
    chosen = [rule for rule in TWENTY if with_key or not rule.unique]
    columns = [("l_quantity", 50), ("l_suppkey", 10_000_000), ("l_linenumber", 7), ("l_extendedprice", 200_000), ("l_partkey", 10_000_000)]
    while len(chosen) < number:
        column, greatest = columns[len(chosen) % len(columns)]
        chosen.append(between(column, -len(chosen), greatest + len(chosen), f"more_{len(chosen)}"))
    return chosen[:number]
