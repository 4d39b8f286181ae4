"""TPC-H's lineitem with defects: in a given part of the rows one of twenty, chosen by a hash of the row's key."""

import pathlib

import duckdb

import suites
from environment import cache
from rules import DEFECTS


def lineitem(scale: float, bad_percent: float) -> pathlib.Path:
    """A folder with one Parquet file."""
    folder = cache() / f"quality-{scale:g}-{bad_percent:g}"
    if folder.exists():
        return folder
    source = suites.tpch(scale).tables["lineitem"]
    connection = duckdb.connect()
    columns = connection.execute(f"DESCRIBE FROM read_parquet('{source}/*.parquet')").fetchall()
    exprs = [expression(name, kind) for name, kind, *_ in columns]
    partial = folder.with_name(folder.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    connection.execute(f"""
        COPY (
            SELECT {', '.join(exprs)}
            FROM (
                SELECT *, hash(l_orderkey * 8 + l_linenumber) AS h,
                    CASE WHEN h % 100000 < {bad_percent * 1000} THEN (h // 100000) % {len(DEFECTS)} ELSE -1 END AS defect
                FROM read_parquet('{source}/*.parquet')
            )
        ) TO '{partial}/lineitem.parquet' (FORMAT parquet, COMPRESSION zstd)
    """)
    partial.rename(folder)
    return folder


def expression(column: str, kind: str) -> str:
    spoilt = [f"WHEN {i} THEN {value}" for i, (name, value) in enumerate(DEFECTS) if name == column]
    if not spoilt:
        return column
    return f"CAST(CASE defect {' '.join(spoilt)} ELSE {column} END AS {kind}) AS {column}"
