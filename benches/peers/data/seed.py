"""The data of the suite `seed`: a gigabyte to be read and written, a hundred million records to be grouped, two
tables of a million keys to be joined. All of it is a function of the row's number."""

import pathlib

import duckdb
from managed_write_and_scan import LINEITEM
from suites import Query

# As many as make a file of a gigabyte.
BATCH_ROWS = 57_000_000
RECORDS = 100_000_000
KEYS = 1_000_000
TABLES = ["batch", "records", "one", "other"]

SCRAMBLED = "SELECT (i * {step} + 17) % {keys} AS k, i % 1000 AS v FROM range({keys}) AS t(i)"

BATCH = """
    COPY (SELECT l_shipdate, l_shipmode, l_returnflag, count(*) AS n, sum(l_quantity) AS quantity,
        sum(l_extendedprice * (1 - l_discount)) AS revenue, max(length(l_comment)) AS longest
    FROM batch WHERE l_shipdate >= DATE '1994-01-01' AND l_quantity < 40 GROUP BY 1, 2, 3) TO '{out}' """
MEGABYTE = 1_000_000

QUERIES = [
    Query("batch", "", "all", {"weir": BATCH + "(FORMAT parquet)", "duckdb": BATCH + "(FORMAT parquet, COMPRESSION zstd)"}, (4, 512 * MEGABYTE)),
    Query("group", "SELECT k, count(*) AS n, sum(v) AS s, min(v) AS low, max(v) AS high FROM records GROUP BY k", "all", None, (3, 512 * MEGABYTE)),
    Query("join", "SELECT count(*) AS n, sum(a.v * b.v) AS s FROM one AS a JOIN other AS b ON a.k = b.k", "all", None, (0.3, 256 * MEGABYTE)),
]


def generate(folder: pathlib.Path, scale: float) -> None:
    """A folder a table; `scale` is the share of the full size."""
    keys = max(int(KEYS * scale), 1000)
    rows = {
        "batch": LINEITEM.format(rows=int(BATCH_ROWS * scale)),
        "records": f"SELECT CAST(hash(i) % 10000 AS INTEGER) AS k, CAST(hash(i + 7) % 10000 AS INTEGER) AS v FROM range({int(RECORDS * scale)}) AS t(i)",
        # Each key once in either, in orders that have nothing to do with each other.
        "one": SCRAMBLED.format(step=7919, keys=keys),
        "other": SCRAMBLED.format(step=104729, keys=keys),
    }
    with duckdb.connect() as connection:
        for name, sql in rows.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            connection.execute(f"COPY ({sql}) TO '{folder / name}/all.parquet' (FORMAT parquet, COMPRESSION zstd)")
