#!/usr/bin/env python3
"""Writes the expected answers of the TPC-H queries: tests/tpch/qNN.csv beside each qNN.sql.

An independent engine answers: DuckDB (`pip install duckdb`), over the very files that the test reads.

    WEIR_TPCH_LAKE=/tmp/tpch cargo test --test tpch
    python3 tests/clients/tpch_answers.py /tmp/tpch/data/raw

A column's title is its name and DuckDB's type: the test allows a DOUBLE a tolerance and nothing else. NULL
is refused (no answer has one), and so is a query whose ORDER BY leaves rows tied, because then its order, or
with LIMIT its rows, would be chance.
"""

import csv
import pathlib
import re
import sys

import duckdb

QUERIES = pathlib.Path(__file__).resolve().parent.parent / "tpch"
TABLES = ["nation", "region", "part", "supplier", "partsupp", "customer", "orders", "lineitem"]


def refuse_ties(name, connection, sql):
    """Fails if the rows, without LIMIT, are not in one order only."""
    body, limit, _ = sql.partition("\nlimit ")
    if "\norder by" not in body:
        assert len(connection.execute(sql).fetchall()) == 1, f"{name}: several rows, no ORDER BY"
        return
    body, _, keys = body.rstrip().rstrip(";").rpartition("\norder by")
    keys = [re.sub(r"\s+desc$", "", key.strip()) for key in keys.split(",")]
    tied = connection.execute(
        f"select count(*) from (select 1 from ({body}) group by {', '.join(keys)} having count(*) > 1)"
    ).fetchone()[0]
    if tied and limit:
        # Ties below the limit are harmless.
        rows = connection.execute(sql).fetchall()
        names = [column[0] for column in connection.description]
        seen = [tuple(row[names.index(key)] for key in keys) for row in rows]
        tied = len(seen) - len(set(seen))
    assert not tied, f"{name}: {tied} ties in its order"


def main():
    data = pathlib.Path(sys.argv[1])
    connection = duckdb.connect()
    for table in TABLES:
        connection.execute(f"create view {table} as from read_parquet('{data / table}/*.parquet')")
    for query in sorted(QUERIES.glob("q*.sql")):
        sql = query.read_text()
        refuse_ties(query.name, connection, sql)
        cursor = connection.execute(sql)
        titles = [f"{column[0]} {column[1]}" for column in cursor.description]
        rows = cursor.fetchall()
        assert rows and all(value is not None for row in rows for value in row), query.name
        with open(query.with_suffix(".csv"), "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(titles)
            writer.writerows(rows)
        print(f"{query.stem}: {len(rows)} rows")


if __name__ == "__main__":
    main()
