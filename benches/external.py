#!/usr/bin/env python3
"""Folders of many files that others write: how quickly a change is seen, and what a very large folder takes.

    python3 benches/external.py PATH-TO-WEIR [--only PART…] [--files 10000] [--partitions 10000] [--many 100000]

PART is one of fresh, partitions, many. Starts `weir serve` on a new lake, whose files this process writes, and
prints a line a measurement; at the end what missed its mark.

- fresh: one folder of so many files, of Parquet (answered from footers alone, so that all of the time is that of
  listing, validating and planning) and of CSV (planned alone: EXPLAIN): a file is added, replaced, cut off, put right
  and removed in turn, and the next statement must see it (mark: the median of such statements under 50 ms);
- partitions: so many partitions of a file each: one of them, a group a partition, and rows inserted into all of them
  in 512 MB (mark: the right rows, and the limit and 200 MB);
- many: a folder of so many files in 512 MB: counted, looked through, its files listed (mark: the same).
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "peers"), str(HERE.parent / "tests" / "clients")]

PARTS = ["fresh", "partitions", "many"]
PACKAGES = {"pyarrow": "26.0.1"}
MARGIN = 200 << 20
LIMIT = 512 << 20
ROUNDS = 20
missed = []


def say(part, text, is_met=True):
    print(f"{part:10} {text}{'' if is_met else '   MISSED'}", flush=True)
    if not is_met:
        missed.append(part)


def parquet(path, value):
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"x": pyarrow.array([value], pyarrow.int64())}), path)


def text(path, value):
    path.write_text(f"x\n{value}\n")


def fill(folder, write, ending, count):
    """So many files of a row each, without writing each anew: only a hundred differ."""
    folder.mkdir(parents=True)
    for number in range(min(count, 100)):
        write(folder / f"f{number:06}.{ending}", number)
    for number in range(100, count):
        shutil.copyfile(folder / f"f{number % 100:06}.{ending}", folder / f"f{number:06}.{ending}")
    time.sleep(0.1)


class Server:
    """A server of its own, and calls of Flight to it."""

    def __init__(self, program, lake, *options):
        import flight_load
        from flight_python import Server as Started

        self.started = Started(program, lake, *options)
        self.calls = flight_load.Calls(self.started.url)
        self.command = flight_load.command

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.calls.__exit__()
        self.started.__exit__(*_)

    def table(self, sql):
        flight = self.calls.flight
        info = self.calls.client.get_flight_info(
            flight.FlightDescriptor.for_command(self.command(sql)), self.calls.options
        )
        return self.calls.client.do_get(info.endpoints[0].ticket, self.calls.options).read_all()

    def timed(self, sql):
        """The first row, and how many milliseconds it took."""
        began = time.perf_counter()
        table = self.table(sql)
        took = 1000 * (time.perf_counter() - began)
        return tuple(column[0].as_py() for column in table.columns), took


def lake_of(program, folder):
    subprocess.run([program, "init", folder], check=True, capture_output=True)
    return folder


def run(program, lake, sql, *options):
    """The answer as text; milliseconds; the most bytes that the process had resident."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [program, "--lake", lake, "-q", "--format", "csv", *options, "-c", sql],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, (sql, err)
    return out, 1000 * (time.perf_counter() - began), usage.ru_maxrss << 10


def fresh(options):
    for ending, write in [("parquet", parquet), ("csv", text)]:
        lake = lake_of(options.program, options.folder / f"fresh-{ending}")
        folder = lake / "data" / "raw" / "t"
        fill(folder, write, ending, options.files)
        create = f"CREATE EXTERNAL TABLE raw.t (x BIGINT) STORED AS {ending} LOCATION 't/'"
        run(options.program, lake, create)
        with Server(options.program, lake) as server:
            changes(server, folder, ending, write, options.files)


def changes(server, folder, ending, write, count):
    spare, name = folder.parent / f"spare.{ending}", folder / f"g.{ending}"
    rows = "SELECT count(*), max(x) FROM raw.t"
    asked = rows if ending == "parquet" else "EXPLAIN SELECT x FROM raw.t"
    _, first = server.timed(rows)
    _, second = server.timed(rows)
    took = []

    def put(value):
        write(spare, value)
        spare.rename(name)

    for value in range(1000, 1000 + ROUNDS):
        put(value)
        seen(server, asked, rows, (count + 1, value), took)
        put(value + 1000)
        seen(server, asked, rows, (count + 1, value + 1000), took)
        # In place, to nothing.
        name.write_bytes(b"")
        if ending == "parquet":
            try:
                server.table(rows)
                raise AssertionError("a file that was cut off was read")
            except (server.calls.flight.FlightError, ValueError) as error:
                assert name.name in str(error), error
        else:
            seen(server, asked, rows, (count, 99), took)
        name.unlink()
        seen(server, asked, rows, (count, 99), took)
    middle = statistics.median(took)
    what = "answered from footers" if ending == "parquet" else "planned"
    say(
        "fresh",
        f"{count} {ending} files, one changed, {what}: median {middle:.1f} ms, worst {max(took):.1f} "
        f"(first count {first:.0f}, second {second:.0f})",
        middle < 50,
    )


def seen(server, asked, rows, expected, took):
    """The change is seen by the first statement after it, whose time is kept."""
    found, time_taken = server.timed(asked)
    if asked != rows:
        found, _ = server.timed(rows)
    assert found == expected, (found, expected)
    took.append(time_taken)


def held(part, what, took, resident):
    say(part, f"{what}: {took:.0f} ms, {resident >> 20} MB resident", resident < LIMIT + MARGIN)


def partitions(options):
    count = options.partitions
    lake = lake_of(options.program, options.folder / "partitions")
    run(
        options.program,
        lake,
        "CREATE EXTERNAL TABLE raw.w (x BIGINT, p BIGINT) STORED AS PARQUET PARTITIONED BY (p) LOCATION 'w/'",
    )
    ask = lambda sql: run(options.program, lake, sql, "--memory", "512MB")
    # Each partition's rows come a hundred times, far apart.
    insert = f"INSERT INTO raw.w SELECT v, v % {count} FROM generate_series(1, {count * 100}) AS s(v)"
    _, took, resident = ask(insert)
    files = sum(1 for _ in (lake / "data/raw/w").rglob("*.parquet"))
    held("partitions", f"INSERT into {count}, {files} files", took, resident)
    out, took, resident = ask("SELECT count(*), sum(x) FROM raw.w")
    total = count * 100
    assert out.splitlines()[1] == f"{total},{total * (total + 1) // 2}", out
    held("partitions", "count and sum of all", took, resident)
    out, took, resident = ask("SELECT count(*) FROM raw.w WHERE p % 5000 = 7")
    assert out.splitlines()[1] == str(100 * len(range(7, count, 5000))), out
    held("partitions", "those that an expression leaves", took, resident)
    out, took, resident = ask("SELECT count(*) FROM (SELECT p, count(*) AS n FROM raw.w GROUP BY p HAVING n = 100)")
    assert out.splitlines()[1] == str(count), out
    held("partitions", "a group a partition", took, resident)
    out, took, resident = ask("SELECT count(*), sum(file_count) FROM raw.w$partitions")
    assert out.splitlines()[1] == f"{count},{files}", out
    held("partitions", "raw.w$partitions", took, resident)


def many(options):
    count = options.many
    for ending, write in [("csv", text), ("parquet", parquet)]:
        lake = lake_of(options.program, options.folder / f"many-{ending}")
        fill(lake / "data/raw/t", write, ending, count)
        ask = lambda sql: run(options.program, lake, sql, "--memory", "512MB")
        _, took, resident = ask(f"CREATE EXTERNAL TABLE raw.t STORED AS {ending} LOCATION 't/'")
        held("many", f"{count} {ending} files, their columns inferred", took, resident)
        for what, sql, expected in [
            ("counted", "SELECT count(*) FROM raw.t", count),
            ("read", "SELECT sum(x) FROM raw.t WHERE x >= 0", sum(n % 100 for n in range(count))),
            ("listed", "SELECT count(*) FROM raw.t$files", count),
        ]:
            out, took, resident = ask(sql)
            assert out.splitlines()[1] == str(expected), (sql, out)
            held("many", f"{count} {ending} files, {what}", took, resident)


def main():
    import environment

    environment.enter("external", PACKAGES)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--partitions", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=100_000)
    options = parser.parse_args()
    options.program = options.program.resolve()
    with tempfile.TemporaryDirectory() as folder:
        options.folder = Path(folder)
        for part in options.only:
            globals()[part](options)
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
