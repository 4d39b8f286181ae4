#!/usr/bin/env python3
"""Parquet files of every kind that another writer makes: each reads as that writer reads it, or is refused
by name; each truncated one is refused by name.

usage: parquet_corpus.py WEIR-BINARY [VENV-FOLDER]

Makes its virtual environment (pyarrow) on first use. Exits 0 if all is as it must be.
"""

import datetime as dt
import decimal
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PACKAGES = ["pyarrow==26.0.1"]


def environment(folder):
    """The Python of the virtual environment, made if need be."""
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        (folder / "complete").touch()
    return python


def corpus(pa, pq, folder):
    """Writes the files; gives them with their tables."""
    import math

    rows = 3000
    integers = [None if i % 7 == 0 else i * (-1) ** i for i in range(rows)]
    texts = [None if i % 11 == 0 else f"text {i % 40} é" for i in range(rows)]
    floats = [float("nan") if i % 13 == 0 else i / 8 for i in range(rows)]
    times = [dt.datetime(1969, 12, 31) + dt.timedelta(hours=i) for i in range(rows)]
    plain = pa.table({"i": pa.array(integers, pa.int64()), "t": texts, "f": floats, "ts": pa.array(times, pa.timestamp("us"))})
    for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
        for version in ["1.0", "2.0"]:
            yield write(pq, folder, f"codec {codec} {version}", plain, compression=codec, data_page_version=version)
    encodings = {
        "i": ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"],
        "t": ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"],
        "f": ["PLAIN", "BYTE_STREAM_SPLIT"],
    }
    for column, names in encodings.items():
        for name in names:
            yield write(
                pq, folder, f"encoding {column}={name}", plain, use_dictionary=False, column_encoding={column: name}
            )
    yield write(pq, folder, "small row groups", plain, row_group_size=7, data_page_size=64)
    yield write(pq, folder, "page index", plain, write_page_index=True, write_page_checksum=True)
    yield write(pq, folder, "no statistics", plain, write_statistics=False)
    yield write(pq, folder, "no arrow schema", plain, store_schema=False)
    yield write(pq, folder, "int96", plain, use_deprecated_int96_timestamps=True)
    yield write(pq, folder, "empty", plain.slice(0, 0))
    nan = [float("nan")] * 10
    yield write(pq, folder, "nan", pa.table({"f": nan, "g": [math.inf, -math.inf, -0.0, 0.0, None] * 2}))
    large = ["x" * 3_000_000, None, "", "y" * 70_000]
    yield write(pq, folder, "large text", pa.table({"t": pa.array(large, pa.large_string())}))
    kinds = {
        "i8": pa.array([1, None, -128], pa.int8()),
        "u8": pa.array([1, None, 255], pa.uint8()),
        "u32": pa.array([1, None, 2**32 - 1], pa.uint32()),
        "u64": pa.array([1, None, 2**64 - 1], pa.uint64()),
        "b": pa.array([True, None, False]),
        "bin": pa.array([b"\x00\xff", None, b""]),
        "fixed": pa.array([b"abcd", None, b"efgh"], pa.binary(4)),
        "d": pa.array([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]),
        "t32": pa.array([1, None, 2], pa.time32("ms")),
        "t64": pa.array([1, None, 2], pa.time64("us")),
        "ns": pa.array([1, None, 2], pa.timestamp("ns")),
        "tz": pa.array([1, None, 2], pa.timestamp("us", "UTC")),
        "dec": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-99999999.99")], pa.decimal128(10, 2)),
        "dec256": pa.array([decimal.Decimal("1.5"), None, decimal.Decimal("-1.5")], pa.decimal256(50, 1)),
        "dict": pa.array(["a", None, "b"]).dictionary_encode(),
        "null": pa.nulls(3),
        "half": pa.array([1.5, None, 2.5], pa.float32()).cast(pa.float16()),
    }
    yield write(pq, folder, "every type", pa.table(kinds))
    nested = {
        "l": pa.array([[1, None], None, []], pa.list_(pa.int32())),
        "ll": pa.array([[[1], None], [], None], pa.list_(pa.list_(pa.int32()))),
        "s": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}]),
        "ls": pa.array([[{"a": 1}], None, []], pa.list_(pa.struct([("a", pa.int64())]))),
        "m": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())),
        "fl": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int32(), 2)),
    }
    yield write(pq, folder, "nested", pa.table(nested))
    yield write(pq, folder, "名 a=b 1%41", plain)


def write(pq, folder, name, table, **options):
    path = folder / f"{name}.parquet"
    pq.write_table(table, path, **options)
    return path, table


def weir(binary, lake, sql):
    command = [binary, "--lake", lake, "-q", "--format", "ndjson", "-c", sql]
    return subprocess.run(command, capture_output=True, text=True)


def check(binary, lake, path, table):
    """What the table's writer says of it: rows, values that are not NULL, extremes of the integers."""
    columns = ", ".join(f'count("{name}") AS "{name}"' for name in table.column_names)
    done = weir(binary, lake, f"SELECT count(*) AS rows_, {columns} FROM '{path}'")
    assert done.returncode == 0, (path.name, done.stderr)
    found = json.loads(done.stdout)
    expected = {"rows_": table.num_rows}
    expected |= {name: table.num_rows - table[name].null_count for name in table.column_names}
    assert found == expected, (path.name, found, expected)
    done = weir(binary, lake, f"SELECT * FROM '{path}'")
    assert done.returncode == 0, (path.name, done.stderr)
    lines = done.stdout.splitlines()
    assert len(lines) == table.num_rows, (path.name, len(lines))
    if "i" in table.column_names and table.num_rows:
        integers = [value for value in table["i"].to_pylist() if value is not None]
        sql = f"SELECT min(i) AS a, max(i) AS b, sum(i) AS c FROM '{path}' WHERE i > -2000 AND t IS NOT NULL OR TRUE"
        found = json.loads(weir(binary, lake, sql).stdout)
        assert found == {"a": min(integers), "b": max(integers), "c": sum(integers)}, (path.name, found)
        wanted = sum(1 for i, t in zip(table["i"].to_pylist(), table["t"].to_pylist()) if t == "text 7 é" and i is not None)
        found = json.loads(weir(binary, lake, f"SELECT count(i) AS n FROM '{path}' WHERE t = 'text 7 é'").stdout)
        assert found == {"n": wanted}, (path.name, found, wanted)


def check_truncated(binary, lake, path):
    whole = path.read_bytes()
    for part in [0, 1, 4, 11, len(whole) // 2, len(whole) - 9, len(whole) - 1]:
        cut = path.with_name("cut.parquet")
        cut.write_bytes(whole[:part])
        done = weir(binary, lake, f"SELECT * FROM '{cut}'")
        assert done.returncode == 1 and "cut.parquet" in done.stderr, (path.name, part, done)
        cut.unlink()
    bent = path.with_name("bent.parquet")
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        bent.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        done = weir(binary, lake, f"SELECT count(i) AS n, count(t) AS t FROM '{bent}'")
        assert done.returncode in (0, 1), (path.name, place, done)
    bent.unlink()


def main():
    binary = str(Path(sys.argv[1]).absolute())
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "weir"
    python = environment(Path(sys.argv[2]) if len(sys.argv) > 2 else cache / "venv-corpus")
    if Path(sys.executable).absolute() != python.absolute():
        os.execv(python, [str(python), __file__, binary, str(python.parent.parent)])
    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        lake = folder / "lake"
        subprocess.run([binary, "init", lake], check=True, capture_output=True)
        files = list(corpus(pa, pq, folder))
        for path, table in files:
            check(binary, lake, path, table)
        check_truncated(binary, lake, files[0][0])
        print(f"parquet: {len(files)} files are read as they were written")


if __name__ == "__main__":
    main()
