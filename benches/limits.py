#!/usr/bin/env python3
"""Whether the engine holds under load: memory, sessions beside each other, start-up, a long life.

    python3 benches/limits.py PATH-TO-WEIR [--scale 1] [--memory 512MB] [--only PART…] [--sessions 16] [--statements 10000]

PART is one of startup, point, memory, sessions, life. Prints a line a measurement, and at the end what missed
its mark. TPC-H's files are those of benches/peers, in its cache folder; their environment has what is needed.

- startup: from the program's start to its first answer, on a lake of 1,000 tables (mark: 200 ms);
- point: a warm query for one key of orders, in a table of the lake's own that is sorted by it (mark: 5 ms), and in
  the file as it came;
- memory: every query of TPC-H in a process of its own with --memory; the answer without a limit or an error
  that says memory or disk ran out, and the most resident memory (mark: the limit and 200 MB);
- sessions: the same queries from so many clients of one server at a time (weir serve, Flight SQL);
- life: live heap gained over so many statements of one server, by its allocator's own account (mark: 1 MB), and its
  resident memory.
"""

import argparse
import csv
import io
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent / "peers")]
import environment  # noqa: E402

PARTS = ["startup", "point", "memory", "sessions", "life"]
CLEAN = ("53200", "53100", "53300")
MARGIN = 200 << 20
missed = []


def say(part: str, text: str, is_met: bool = True) -> None:
    print(f"{part:9} {text}{'' if is_met else '   MISSED'}", flush=True)
    if not is_met:
        missed.append(f"{part}: {text}")


def size(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([KMG]?B)", text).groups()
    return int(number) << {"B": 0, "KB": 10, "MB": 20, "GB": 30}[unit]


def megabytes(count: float) -> str:
    return f"{count / (1 << 20):.1f} MB"


def make_lake(program, folder: pathlib.Path, suite) -> pathlib.Path:
    """A lake over the suite's files."""
    subprocess.run([program, "init", folder], check=True, capture_output=True)
    raw = folder / "data" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    creates = []
    for name, files in suite.tables.items():
        (raw / name).symlink_to(files)
        creates.append(f"CREATE EXTERNAL TABLE raw.{name} STORED AS PARQUET LOCATION '{name}/'")
    subprocess.run([program, "--lake", folder, "--quiet", "-c", "; ".join(creates)], check=True, capture_output=True)
    return folder


def timed(command) -> tuple[float, subprocess.CompletedProcess]:
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    return time.perf_counter() - began, done


def startup(program, work, _suite, _arguments):
    lake = work / "thousand"
    subprocess.run([program, "init", lake], check=True, capture_output=True)
    first = "CREATE TABLE raw.t0 AS SELECT x AS a, x * 2 AS b, 'some text' AS c FROM generate_series(1, 1000) AS s(x)"
    subprocess.run([program, "--lake", lake, "-c", first], check=True, capture_output=True)
    definition = (lake / "catalog/raw/t0.toml").read_text()
    for number in range(1, 1000):
        text = definition.replace('name = "t0"', f'name = "t{number}"', 1)
        (lake / f"catalog/raw/t{number}.toml").write_text(text)
    times = []
    for _ in range(11):
        took, done = timed([program, "--lake", lake, "-c", "SELECT count(*) FROM raw.t500"])
        assert done.stdout.split() == ["count(*)", "1000"], done
        times.append(took * 1000)
    middle = statistics.median(times[1:])
    say("startup", f"first answer on 1,000 tables: {middle:.0f} ms (best {min(times):.0f})", middle < 200)
    took, done = timed([program, "--lake", lake, "-c", "SELECT count(*) FROM system.tables"])
    assert done.returncode == 0, done
    say("startup", f"system.tables of 1,000 tables: {took * 1000:.0f} ms")


def point(program, work, suite, _arguments):
    lake = make_lake(program, work / "point", suite)
    make = "CREATE TABLE processed.orders SORTED BY (o_orderkey) AS SELECT * FROM raw.orders"
    subprocess.run([program, "--lake", lake, "--quiet", "-c", make], check=True, capture_output=True)
    keys = [row[0] for row in answer(program, lake, "SELECT o_orderkey FROM raw.orders ORDER BY random() LIMIT 400")[1:]]
    for table, mark in (("processed.orders", 5), ("raw.orders", None)):
        queries = [f"SELECT o_orderkey, o_custkey, o_totalprice FROM {table} WHERE o_orderkey = {key}" for key in keys]
        script = work / "point.sql"
        record = "SELECT elapsed_ms FROM system.queries WHERE sql LIKE '%WHERE o_orderkey%' AND state = 'finished' ORDER BY started_at"
        script.write_text(";\n".join([*queries, record]))
        done = subprocess.run([program, "--lake", lake, "--format", "csv", "-f", script], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        times = [float(line) for line in done.stdout.rpartition("\n\n")[2].split()[1:]]
        warm = times[len(times) // 4:]
        middle = statistics.median(warm)
        told = f"one key of {table}, warm: {middle:.2f} ms (first {times[0]:.1f}, best {min(warm):.2f})"
        say("point", told, mark is None or middle < mark)


def answer(program, lake, sql, *options):
    done = subprocess.run([program, "--lake", lake, "--format", "csv", *options, "-c", sql], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(csv.reader(io.StringIO(done.stdout)))


def rounded(rows):
    """Rows in an order of their own, with what sums of doubles may differ in rounded away."""
    def cell(text):
        try:
            return f"{float(text):.6g}"
        except ValueError:
            return text
    return sorted([cell(text) for text in row] for row in rows)


def watched(command) -> tuple[int, str, str, int, float]:
    """Exit code, output, errors, the most resident memory in bytes, seconds."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        took = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        return child.returncode, out.read(), err.read(), usage.ru_maxrss << 10, took


def references(program, lake, suite):
    found = {}
    for query in suite.queries:
        code, out, err, _, _ = watched([program, "--lake", lake, "--format", "csv", "-c", query.sql])
        assert code == 0, f"{query.name}: {err}"
        found[query.name] = rounded(csv.reader(io.StringIO(out)))
    return found


def memory(program, work, suite, arguments):
    lake = make_lake(program, work / "memory", suite)
    expected = references(program, lake, suite)
    limit = size(arguments.memory)
    most, refused = 0, []
    for query in suite.queries:
        command = [program, "--lake", lake, "--format", "csv", "--memory", arguments.memory, "-c", query.sql]
        code, out, err, resident, took = watched(command)
        most = max(most, resident)
        if code == 0:
            is_right = rounded(csv.reader(io.StringIO(out))) == expected[query.name]
            told = "right" if is_right else "WRONG"
        else:
            is_right = any(f"error[{clean}]" in err for clean in CLEAN)
            told = err.splitlines()[0]
            refused.append(query.name)
        fits = resident <= limit + MARGIN
        say("memory", f"{query.name} {took:6.2f} s, {megabytes(resident)} resident: {told}", is_right and fits)
    say("memory", f"most resident {megabytes(most)} at {arguments.memory}; refused: {', '.join(refused) or 'none'}", most <= limit + MARGIN)


class Server:
    """`weir serve`, and its clients."""

    def __init__(self, program, lake, *options):
        self.errors = tempfile.TemporaryFile()
        command = [program, "--lake", lake, "serve", "--bind", "127.0.0.1:0", *options]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        line = self.child.stdout.readline()
        if not line.startswith("listening on "):
            self.child.kill()
            raise RuntimeError(f"weir serve said {line!r}")
        self.address = line.split()[-1].replace("grpc://", "grpc+tcp://")

    def client(self):
        from pyarrow import flight

        return flight.connect(self.address)

    def resident(self, field="VmRSS") -> int:
        text = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+)", text).group(1)) << 10

    def live_heap(self):
        """What the allocator has handed out and not got back, in bytes; None without gdb."""
        if not shutil.which("gdb"):
            return None
        # The process says it itself, on its standard error.
        gdb = ["gdb", "-p", str(self.child.pid), "-batch", "-ex", "call (void)_rjem_malloc_stats_print(0, 0, \"gmdablxeh\")"]
        subprocess.run(gdb, capture_output=True)
        self.errors.seek(0)
        said = re.findall(rb"Allocated: (\d+), active", self.errors.read())
        return int(said[-1]) if said else None

    def close(self):
        self.child.terminate()
        self.child.wait()


def field(number: int, content: bytes) -> bytes:
    """A field of bytes of a protocol buffer."""
    length, out = len(content), bytearray([number << 3 | 2])
    while length > 127:
        out.append(length & 127 | 128)
        length >>= 7
    return bytes(out) + bytes([length]) + content


def ask(client, sql: str):
    """A statement's rows by Flight SQL, as an Arrow table."""
    from pyarrow import flight

    kind = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
    command = field(1, kind) + field(2, field(1, sql.encode()))
    information = client.get_flight_info(flight.FlightDescriptor.for_command(command))
    return client.do_get(information.endpoints[0].ticket).read_all()


def as_rows(table):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(table.column_names)
    writer.writerows(zip(*(column.to_pylist() for column in table.columns)) if table.num_rows else [])
    return rounded(csv.reader(io.StringIO(out.getvalue())))


def sessions(program, work, suite, arguments):
    lake = make_lake(program, work / "sessions", suite)
    server = Server(program, lake, "--memory", arguments.memory)
    try:
        expected = {query.name: as_rows(ask(server.client(), query.sql)) for query in suite.queries}
        results, lock = [], threading.Lock()

        def session(number):
            client = server.client()
            queries = list(suite.queries)
            random.Random(number).shuffle(queries)
            for query in queries:
                try:
                    told = "right" if as_rows(ask(client, query.sql)) == expected[query.name] else "WRONG"
                except Exception as error:  # whatever the client makes of it is told
                    told = next((code for code in CLEAN if code in str(error)), str(error).splitlines()[0])
                with lock:
                    results.append((query.name, told))

        began = time.perf_counter()
        threads = [threading.Thread(target=session, args=(number,)) for number in range(arguments.sessions)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        took = time.perf_counter() - began
        right = sum(told == "right" for _, told in results)
        clean = sorted({f"{name} {told}" for name, told in results if told in CLEAN})
        other = sorted({f"{name}: {told}" for name, told in results if told != "right" and told not in CLEAN})
        resident = server.resident("VmHWM")
        say("sessions", f"{arguments.sessions} sessions, {len(results)} queries in {took:.1f} s: {right} right, refused for memory: {', '.join(clean) or 'none'}")
        say("sessions", f"anything else: {', '.join(other) or 'none'}", not other)
        say("sessions", f"most resident {megabytes(resident)} at {arguments.memory}", resident <= size(arguments.memory) + MARGIN)
    finally:
        server.close()


def life(program, work, suite, arguments):
    lake = make_lake(program, work / "life", suite)
    server = Server(program, lake)
    try:
        client = server.client()
        statements = [
            "SELECT 1", "SELECT n_name FROM raw.nation WHERE n_nationkey = {}", "SELECT count(*) FROM raw.region WHERE r_regionkey < {}",
            "SELECT r_name, count(*) FROM raw.region JOIN raw.nation ON r_regionkey = n_regionkey WHERE n_nationkey <> {} GROUP BY r_name",
            "SELECT count(*) FROM system.queries WHERE elapsed_ms > {}",
        ]

        def run(count):
            for number in range(count):
                ask(client, statements[number % len(statements)].format(number % 25))

        run(max(arguments.statements // 5, 1000))
        heap, resident = server.live_heap(), server.resident()
        run(arguments.statements)
        grown = server.resident() - resident
        if heap is None:
            say("life", f"resident memory gained over {arguments.statements} statements: {megabytes(grown)} (no gdb: the heap is not known)")
            return
        gained = server.live_heap() - heap
        say("life", f"live heap gained over {arguments.statements} statements: {megabytes(gained)}; resident {megabytes(grown)}", gained < 1 << 20)
    finally:
        server.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--memory", default="512MB")
    parser.add_argument("--sessions", type=int, default=16)
    parser.add_argument("--statements", type=int, default=10_000)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    arguments = parser.parse_args()
    import suites

    suite = suites.tpch(arguments.scale)
    with tempfile.TemporaryDirectory(prefix="weir-limits-") as folder:
        for part in arguments.only:
            work = pathlib.Path(folder) / part
            work.mkdir()
            try:
                globals()[part](arguments.program, work, suite, arguments)
            except (RuntimeError, AssertionError) as error:
                say(part, f"not measured: {error}", False)
    if missed:
        print("\nmissed:\n" + "\n".join(missed))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    environment.enter()
    main()
