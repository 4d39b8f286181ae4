#!/usr/bin/env python3
"""Managed tables against plain files and DuckDB, in one run on one machine.

    python3 benches/managed_write_and_scan.py path/to/weir [--rows 6000000] [--rounds 3]

Runs in the environment of benches/peers. Rows are like TPC-H's lineitem. Prints, as medians of whole
processes, the time and the peak memory of INSERT … SELECT into a managed table beside DuckDB's COPY … TO (FORMAT
parquet, COMPRESSION zstd) of the same file; a full scan of the managed table beside one of its very files as an
external table; and a pruned query beside the full scan.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent / "peers")]
import environment  # noqa: E402

LINEITEM = """
    SELECT i // 4 AS l_orderkey, (i * 7919) % 200000 AS l_partkey, (i * 104729) % 10000 AS l_suppkey,
        CAST(i % 4 + 1 AS INTEGER) AS l_linenumber, CAST(i % 50 + 1 AS DECIMAL(15, 2)) AS l_quantity,
        CAST((i * 37) % 10000000 / 100.0 AS DECIMAL(15, 2)) AS l_extendedprice,
        CAST(i % 11 / 100.0 AS DECIMAL(15, 2)) AS l_discount, CAST(i % 9 / 100.0 AS DECIMAL(15, 2)) AS l_tax,
        ['A', 'N', 'R'][i % 3 + 1] AS l_returnflag, ['F', 'O'][i % 2 + 1] AS l_linestatus,
        DATE '1992-01-01' + CAST(hash(i) % 2500 AS INTEGER) AS l_shipdate,
        DATE '1992-01-01' + CAST(hash(i + 1) % 2500 AS INTEGER) AS l_commitdate,
        ['AIR', 'MAIL', 'RAIL', 'SHIP', 'TRUCK'][i % 5 + 1] AS l_shipmode,
        'comment ' || hash(i) AS l_comment
    FROM range({rows}) AS t(i)
"""


def measured(command):
    """Seconds and peak megabytes of a process that must succeed."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    assert status == 0, errors.decode()
    return seconds, usage.ru_maxrss / 1024


def main():
    environment.enter()
    arguments = argparse.ArgumentParser()
    arguments.add_argument("weir")
    arguments.add_argument("--rows", type=int, default=6_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    weir = str(pathlib.Path(options.weir).resolve())
    with tempfile.TemporaryDirectory() as folder:
        source = f"{folder}/data/raw/source/all.parquet"
        subprocess.run([weir, "init", folder], check=True, capture_output=True)
        pathlib.Path(source).parent.mkdir(parents=True)
        import duckdb

        select = LINEITEM.format(rows=options.rows)
        duckdb.execute(f"COPY ({select}) TO '{source}' (FORMAT parquet, COMPRESSION zstd)")

        def run(sql):
            return measured([weir, "--lake", folder, "-c", sql])

        run("CREATE EXTERNAL TABLE raw.source STORED AS PARQUET LOCATION 'source/'")

        def medians(name, one):
            times, peaks = zip(*(one(i) for i in range(options.rounds)))
            print(f"{name:42} {statistics.median(times):8.3f} s {max(peaks):8.0f} MB")
            return statistics.median(times)

        duck = f"COPY (SELECT * FROM '{source}') TO '{folder}/out.parquet' (FORMAT parquet, COMPRESSION zstd)"
        theirs = medians(
            "duckdb: COPY … zstd", lambda _: measured([sys.executable, "-c", f"import duckdb; duckdb.execute({duck!r})"])
        )

        def insert(i):
            run(f"CREATE TABLE processed.t{i} AS SELECT * FROM raw.source WHERE false")
            return run(f"INSERT INTO processed.t{i} SELECT * FROM raw.source")

        ours = medians("weir: INSERT … SELECT", insert)
        print(f"{'ratio (at most 1.3)':42} {ours / theirs:8.2f}")

        run("CREATE TABLE processed.sorted SORTED BY (l_orderkey) AS SELECT * FROM raw.source")
        definition = pathlib.Path(folder, "catalog/processed/t0.toml").read_text()
        location = re.search(r'location = "(.*)"', definition)[1]
        pathlib.Path(folder, "data/raw/plain").symlink_to(pathlib.Path(folder, "data/processed", location))
        run("CREATE EXTERNAL TABLE raw.plain STORED AS PARQUET LOCATION 'plain/'")
        query = "SELECT l_shipmode, sum(l_extendedprice * (1 - l_discount)), max(l_comment) FROM {} GROUP BY 1 ORDER BY 1"
        plain = medians("plain files: full scan", lambda _: run(query.format("raw.plain")))
        managed = medians("managed table: full scan", lambda _: run(query.format("processed.t0")))
        print(f"{'ratio (at most 1.05)':42} {managed / plain:8.2f}")
        key = options.rows // 8
        medians("sorted table: one key", lambda _: run(f"SELECT * FROM processed.sorted WHERE l_orderkey = {key}"))
        medians("a query of nothing (start of the process)", lambda _: run("SELECT 1"))


if __name__ == "__main__":
    main()
