#!/usr/bin/env python3
"""Managed tables and other programs: what this one writes they read, and the other way round.

    python3 tests/clients/delta_peers.py path/to/weir

Makes its own environment with pinned versions in the cache folder (or takes what is there), and a lake in a
temporary folder. Read by Python's deltalake, polars and DuckDB: every type, partitions with odd values, NULL,
updates, deletes, checkpoints. Written by deltalake: read, appended to, updated and read back by it.
"""

import csv
import datetime
import decimal
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import venv

PINNED = ["deltalake==1.6.6", "polars==2.1.0", "duckdb==2.0.0", "pyarrow==26.0.1"]


def in_environment():
    """Runs this script again with its requirements, unless they are here."""
    try:
        import deltalake, duckdb, polars, pyarrow  # noqa: F401, E401
    except ImportError:
        assert "WEIR_PEERS" not in os.environ, "the requirements were installed and are not there"
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
        folder = cache / "weir" / "delta-peers"
        python = folder / "bin" / "python"
        if not python.exists():
            venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PINNED], check=True)
        os.execve(python, [python, *sys.argv], {**os.environ, "WEIR_PEERS": "1"})


class Lake:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        subprocess.run([binary, "init", folder], check=True, capture_output=True)

    def run(self, sql, fails=None):
        """The rows of the last result, as texts; None is NULL."""
        done = subprocess.run(
            [self.binary, "--lake", self.folder, "-c", sql, "--format", "csv"], capture_output=True, text=True
        )
        if fails:
            assert done.returncode != 0 and fails in done.stderr, f"{sql}\n{done.stdout}{done.stderr}"
            return done.stderr
        assert done.returncode == 0, f"{sql}\n{done.stderr}"
        last = done.stdout.strip("\n").split("\n\n")[-1]
        return list(csv.reader(io.StringIO(last)))[1:]

    def path(self, zone, table):
        """Where a managed table lies."""
        text = (pathlib.Path(self.folder) / "catalog" / zone / f"{table}.toml").read_text()
        location = next(line for line in text.splitlines() if line.startswith("location"))
        return pathlib.Path(self.folder) / "data" / zone / location.split('"')[1]

    def adopt(self, zone, table, location):
        """Gives a table that another program made a definition."""
        definition = pathlib.Path(self.folder) / "catalog" / zone / f"{table}.toml"
        definition.write_text(f'name = "{table}"\nformat = "delta"\nlocation = "{location}/"\n')


def every_type(lake):
    lake.run("""
        CREATE TABLE processed.types (
            id BIGINT NOT NULL, b BOOLEAN, i8 TINYINT, i16 SMALLINT, i32 INT, f32 REAL, f64 DOUBLE,
            dec DECIMAL(38, 10), s VARCHAR, bin VARBINARY, d DATE, ts TIMESTAMP, tz TIMESTAMP WITH TIME ZONE,
            l BIGINT[], st STRUCT<a BIGINT, b VARCHAR>, p VARCHAR) PARTITIONED BY (p);
        INSERT INTO processed.types VALUES
            (1, true, 1, -2, 3, 1.5, -2.25, '12345678901234567890.0123456789', 'ü', X'00ff', DATE '1969-12-31',
             TIMESTAMP '2026-01-31 12:00:00.123456', TIMESTAMPTZ '2026-01-31 12:00:00.123456Z',
             [1, NULL, 3], named_struct('a', 1, 'b', 'x'), 'a/b=c %'),
            (2, NULL, NULL, NULL, NULL, NULL, 'NaN', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
        UPDATE processed.types SET s = 'updated' WHERE id = 2;
        INSERT INTO processed.types (id, p) VALUES (3, 'gone');
        DELETE FROM processed.types WHERE id = 3""")
    return lake.path("processed", "types")


def read_by_others(lake):
    import duckdb
    import polars
    from deltalake import DeltaTable

    path = every_type(lake)
    rows = DeltaTable(path).to_pyarrow_table().sort_by("id").to_pylist()
    assert [row["id"] for row in rows] == [1, 2], rows
    first, second = rows
    assert first["dec"] == decimal.Decimal("12345678901234567890.0123456789"), first
    assert first["s"] == "ü" and first["bin"] == b"\x00\xff" and first["p"] == "a/b=c %", first
    assert first["d"] == datetime.date(1969, 12, 31), first
    assert first["ts"] == datetime.datetime(2026, 1, 31, 12, 0, 0, 123456), first
    assert first["l"] == [1, None, 3] and first["st"] == {"a": 1, "b": "x"}, first
    assert second["s"] == "updated" and second["p"] is None and second["f64"] != second["f64"], second

    frame = polars.read_delta(str(path)).sort("id")
    assert frame["id"].to_list() == [1, 2] and frame["s"].to_list() == ["ü", "updated"], frame
    pruned = polars.scan_delta(str(path)).filter(polars.col("id") == 1).collect()
    assert pruned.height == 1, pruned

    files = DeltaTable(path).file_uris()
    counted = duckdb.execute("SELECT count(*), sum(id) FROM read_parquet($1)", [files]).fetchall()
    assert counted == [(2, 3)], counted


def checkpoints(lake):
    from deltalake import DeltaTable

    lake.run("CREATE TABLE processed.many (n BIGINT)")
    lake.run(";".join(f"INSERT INTO processed.many VALUES ({n})" for n in range(120)))
    path = lake.path("processed", "many")
    assert list((path / "_delta_log").glob("*.checkpoint.parquet")), "no checkpoint was written"
    table = DeltaTable(path)
    assert table.version() == 120, table.version()
    assert sorted(table.to_pyarrow_table()["n"].to_pylist()) == list(range(120))
    assert lake.run("SELECT count(*), sum(n) FROM processed.many") == [["120", "7140"]]
    assert lake.run("SELECT count(*) FROM processed.many VERSION AS OF 7") == [["7"]]
    # What only the checkpoint knows any more.
    for entry in sorted((path / "_delta_log").glob("*.json"))[:90]:
        entry.unlink()
    assert lake.run("SELECT count(*), sum(n) FROM processed.many") == [["120", "7140"]]


def written_by_others(lake):
    import pyarrow
    from deltalake import DeltaTable, write_deltalake

    path = pathlib.Path(lake.folder) / "data" / "processed" / "theirs"
    table = pyarrow.table(
        {
            "id": pyarrow.array([1, 2, 3], pyarrow.int64()),
            "name": ["a", None, "c"],
            "at": pyarrow.array([0, 1, 2], pyarrow.timestamp("us", "UTC")),
            "p": ["x", "y", "x"],
        }
    )
    write_deltalake(path, table, partition_by=["p"])
    write_deltalake(path, table, mode="append")
    lake.adopt("processed", "theirs", "theirs")
    assert lake.run("SELECT count(*), count(name), min(id), max(id) FROM processed.theirs") == [["6", "4", "1", "3"]]
    assert lake.run("SELECT count(*) FROM processed.theirs WHERE p = 'x'") == [["4"]]
    lake.run("INSERT INTO processed.theirs VALUES (4, 'd', NULL, 'z')")
    lake.run("UPDATE processed.theirs SET name = 'two' WHERE id = 2")
    lake.run("DELETE FROM processed.theirs WHERE id = 1")
    lake.run("""MERGE INTO processed.theirs AS t USING (VALUES (4, 'four'), (5, 'five')) AS s(id, name) ON t.id = s.id
        WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT (id, name, p) VALUES (s.id, s.name, 'z')""")
    rows = DeltaTable(path).to_pyarrow_table().sort_by("id").to_pylist()
    names = [(row["id"], row["name"]) for row in rows]
    assert names == [(2, "two"), (2, "two"), (3, "c"), (3, "c"), (4, "four"), (5, "five")], names
    theirs = DeltaTable(path)
    theirs.optimize.compact()
    theirs.delete("id = 3")
    assert lake.run("SELECT id, name FROM processed.theirs ORDER BY id, name") == [
        ["2", "two"], ["2", "two"], ["4", "four"], ["5", "five"]
    ]
    operations = [row[0] for row in lake.run("SELECT operation FROM processed.theirs$history ORDER BY version")]
    assert operations[2:6] == ["WRITE", "UPDATE", "DELETE", "MERGE"], operations


def main():
    in_environment()
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(binary, folder)
        for check in [read_by_others, checkpoints, written_by_others]:
            check(lake)
            print(f"{check.__name__}: ok")


if __name__ == "__main__":
    main()
