"""DuckDB, on the Parquet files or on its own storage."""

import pathlib

import duckdb

import timed


def prepare(job):
    database = ":memory:"
    if job["own_storage"]:
        folders = sorted(job["tables"].values())
        database = str(pathlib.Path(folders[0]).parent / "duckdb-own.db")
        if not pathlib.Path(database).exists():
            load(database, job["tables"])
    connection = duckdb.connect(database, read_only=job["own_storage"])
    connection.execute(f"SET threads = {job['threads']}")
    if job["memory_bytes"]:
        connection.execute(f"SET memory_limit = '{job['memory_bytes']}B'")
    if not job["own_storage"]:
        for name, folder in job["tables"].items():
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{folder}/*.parquet')")
    return lambda statement: connection.execute(statement).to_arrow_table()


def load(database, tables):
    """Copies the tables into a database of DuckDB's own, which appears when it is whole."""
    partial = pathlib.Path(database + ".partial")
    partial.unlink(missing_ok=True)
    with duckdb.connect(str(partial)) as connection:
        for name, folder in tables.items():
            connection.execute(f"CREATE TABLE {name} AS FROM read_parquet('{folder}/*.parquet')")
    partial.rename(database)


timed.main(prepare)
