#!/usr/bin/env python3
"""A server under load: point queries, a table read whole, and many clients of which half vanish.

    python3 benches/flight_load.py PATH-TO-WEIR [--only PART…] [--clients 100] [--seconds 300] [--scale 1]

PART is one of latency, throughput, whole, load. Starts `weir serve` on a new lake with the tables orders and
lineitem of TPC-H and prints a line a measurement; at the end what missed its mark. The tables are managed ones,
written by CREATE TABLE … SORTED BY (its key) AS SELECT from the files of benches/peers (in its cache folder).

- latency: a warm query for one key of orders, one client (mark: p50 under 5 ms); beside it, without a mark, the same
  of the foreign file, whose pages and dictionaries are another writer's, and a query that reads nothing;
- throughput: such queries from 16 clients, each a process of its own (mark: 500 a second);
- whole: lineitem read through Flight SQL, beside the same statement drained in process (mark: twice as long);
- load: so many clients for so long, half of which are killed in the middle of what they do, the others counting
  rows whose number is known (marks: every count right, memory flat, no result or statement left).

The clients of the first three are pyarrow.flight, which makes the calls and nothing else; what ADBC's driver takes on
the same cores is told beside, without a mark. Those of the load are ADBC's.
"""

import argparse
import contextlib
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from multiprocessing import get_context
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "peers"), str(HERE.parent / "tests" / "clients")]

PARTS = ["latency", "throughput", "whole", "load"]
PACKAGES = {
    "adbc-driver-flightsql": "1.13.0",
    "adbc-driver-manager": "1.13.0",
    "pyarrow": "26.0.1",
    "tpchgen-cli": "4.0.0",
}
POINT = "SELECT o_orderkey, o_custkey, o_totalprice FROM processed.orders WHERE o_orderkey = {key}"
WHOLE = "SELECT * FROM processed.lineitem"
missed = []


def say(part, text, is_met=True):
    print(f"{part:10} {text}{'' if is_met else '   MISSED'}", flush=True)
    if not is_met:
        missed.append(part)


def connect(url):
    import adbc_driver_flightsql.dbapi as dbapi

    return dbapi.connect(url, autocommit=True)


class Statement:
    """A statement of the driver itself: GetFlightInfo and DoGet, nothing prepared."""

    def __init__(self, connection):
        import adbc_driver_manager
        import pyarrow

        self.pyarrow = pyarrow
        self.statement = adbc_driver_manager.AdbcStatement(connection.adbc_connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.statement.close()

    def rows(self, sql):
        self.statement.set_sql_query(sql)
        stream, _ = self.statement.execute_query()
        with self.pyarrow.RecordBatchReader._import_from_c(stream.address) as reader:
            return sum(batch.num_rows for batch in reader)


class Calls:
    """The same by calls of Flight alone."""

    def __init__(self, url):
        import pyarrow.flight as flight

        self.flight = flight
        self.client = flight.connect(url.replace("grpc://", "grpc+tcp://"))
        self.options = flight.FlightCallOptions(headers=[self.client.authenticate_basic_token("", "")])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def rows(self, sql):
        descriptor = self.flight.FlightDescriptor.for_command(command(sql))
        info = self.client.get_flight_info(descriptor, self.options)
        reader = self.client.do_get(info.endpoints[0].ticket, self.options)
        return sum(part.data.num_rows for part in reader)


def command(sql):
    """The bytes of a descriptor: Any{CommandStatementQuery{sql}}. pyarrow.flight has no Flight SQL."""

    def field(text):
        length = len(text)
        size = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
        return b"\x0a" + size + text

    name = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
    return field(name) + b"\x12" + field(field(sql.encode()))[1:]


def key():
    """One that is there: of every 32 numbers the first eight are keys of orders."""
    return random.randrange(0, 6_000_000 // 32) * 32 + random.randrange(1, 8)


def percentiles(seconds):
    milliseconds = sorted(1000 * one for one in seconds)
    return f"p50 {statistics.median(milliseconds):.2f} ms, p99 {milliseconds[len(milliseconds) * 99 // 100]:.2f} ms"


def timed(client, sql, times, warm):
    """How long so many queries take, the first of them left out."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        assert client.rows(sql.format(key=key())) == 1
        seconds.append(time.perf_counter() - began)
    return seconds[warm:]


def latency(url, _options):
    with Calls(url) as calls:
        plain = timed(calls, POINT, 2200, 200)
        foreign = timed(calls, POINT.replace("processed.", "raw."), 300, 50)
        nothing = timed(calls, "SELECT {key}", 700, 200)
    say("latency", f"one key of orders, one client: {percentiles(plain)}", statistics.median(plain) < 0.005)
    say("latency", f"one key of the foreign file: {percentiles(foreign)}")
    say("latency", f"a number that is read nowhere: {percentiles(nothing)}")
    with connect(url) as connection, Statement(connection) as statement:
        plain, bound = timed(statement, POINT, 1200, 200), []
        with connection.cursor() as cursor:
            for _ in range(700):
                began, one = time.perf_counter(), key()
                cursor.execute(POINT.format(key="?"), (one,))
                assert cursor.fetchall()[0][0] == one
                bound.append(time.perf_counter() - began)
    say("latency", f"one key of orders by ADBC: {percentiles(plain)}")
    say("latency", f"the same prepared, bound and closed each time: {percentiles(bound[200:])}")


def ask(url, seconds, is_adbc, barrier, answers):
    with contextlib.ExitStack() as stack:
        if is_adbc:
            client = stack.enter_context(Statement(stack.enter_context(connect(url))))
        else:
            client = stack.enter_context(Calls(url))
        done = 0
        for _ in range(20):
            client.rows(POINT.format(key=key()))
        barrier.wait()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert client.rows(POINT.format(key=key())) == 1
            done += 1
        answers.put(done)


def throughput(url, _options, clients=16, seconds=20):
    context = get_context("spawn")
    for is_adbc in [False, True]:
        barrier, answers = context.Barrier(clients), context.Queue()
        arguments = (url, seconds, is_adbc, barrier, answers)
        processes = [context.Process(target=ask, args=arguments) for _ in range(clients)]
        [process.start() for process in processes]
        rate = sum(answers.get() for _ in processes) / seconds
        [process.join() for process in processes]
        by = " of ADBC" if is_adbc else ""
        say("throughput", f"one key of orders, {clients} clients{by}: {rate:.0f} a second", is_adbc or rate >= 500)


def whole(url, options):
    def through(client):
        began = time.perf_counter()
        rows = client.rows(WHOLE)
        return time.perf_counter() - began, rows

    def through_flight():
        with Calls(url) as calls:
            return through(calls)

    def through_adbc():
        with connect(url) as connection, Statement(connection) as statement:
            return through(statement)

    def in_process():
        # What EXPLAIN ANALYZE runs is the statement, drained.
        began = time.perf_counter()
        sql = f"EXPLAIN ANALYZE {WHOLE}"
        subprocess.run([options.program, "--lake", options.lake, "--quiet", "-c", sql], check=True, capture_output=True)
        return time.perf_counter() - began

    turns = [(through_flight(), through_adbc(), in_process()) for _ in range(5)]
    medians = zip(*((far[0], adbc[0], near) for far, adbc, near in turns))
    remote, adbc, local = (statistics.median(times) for times in medians)
    text = f"lineitem, {turns[0][0][1]} rows: {remote:.2f} s through Flight, {local:.2f} s drained in process"
    say("whole", f"{text} (its start included): {remote / local:.2f} ×", remote <= 2 * local)
    say("whole", f"the same by ADBC: {adbc:.2f} s, {adbc / local:.2f} ×")


def steady(url, until, counts, wrong, done):
    """Counts rows whose number is known, by a value that is bound."""
    with connect(url) as connection, connection.cursor() as cursor:
        while time.monotonic() < until:
            n = random.randrange(1, len(counts))
            cursor.execute("SELECT count(*) FROM processed.orders WHERE o_orderkey <= ?", (n,))
            found = cursor.fetchone()[0]
            done.append(1)
            if found != counts[n]:
                wrong.append((n, found, counts[n]))


def doomed(url, number):
    """Goes on until it is killed: reads, ingests, prepares, or asks and never fetches."""
    import pyarrow

    random.seed(os.getpid())
    with connect(url) as connection, connection.cursor() as cursor:
        while True:
            what = random.randrange(5)
            if what == 0:
                reader = (cursor.execute(WHOLE), cursor.fetch_record_batch())[1]
                [reader.read_next_batch() for _ in range(random.randrange(1, 40))]
            elif what == 1:
                batch = pyarrow.record_batch({"id": list(range(2000)), "t": ["some text"] * 2000})

                def batches():
                    for _ in range(random.randrange(10, 100)):
                        time.sleep(0.02)
                        yield batch

                source = pyarrow.RecordBatchReader.from_batches(batch.schema, batches())
                cursor.adbc_ingest(f"taken_{number}", source, mode="create_append", db_schema_name="processed")
            elif what == 2:
                cursor.executemany("SELECT o_totalprice FROM processed.orders WHERE o_orderkey = ?", [(key(),) for _ in range(20)])
            elif what == 3:
                cursor.adbc_execute_partitions(POINT.format(key=key()))
            else:
                cursor.execute(POINT.format(key=key()))
                cursor.fetchall()


def nursery(url, count, seconds):
    """Keeps so many clients alive, each a process that is killed after some seconds."""
    import adbc_driver_flightsql.dbapi  # what is imported here need not be by each of them
    import pyarrow

    assert adbc_driver_flightsql.dbapi and pyarrow
    alive, born, until = {}, 0, time.monotonic() + seconds
    while time.monotonic() < until:
        while len(alive) < count:
            born += 1
            child = os.fork()
            if child == 0:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                try:
                    doomed(url, born % 7)
                finally:
                    os._exit(0)
            alive[child] = time.monotonic() + random.uniform(1, 12)
        time.sleep(0.05)
        for child, end in list(alive.items()):
            ended, _ = os.waitpid(child, os.WNOHANG)
            if not ended and end < time.monotonic():
                os.kill(child, signal.SIGKILL)
                ended, _ = os.waitpid(child, 0)
            if ended:
                del alive[child]
    for child in alive:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    print(born, flush=True)


def load(url, options):
    half, seconds = options.clients // 2, options.seconds
    with connect(url) as connection, connection.cursor() as cursor:
        # What is known of the numbers is worked out here, not asked.
        counts, so_far = [0], 0
        for n in range(1, 20_000):
            so_far += n % 32 in range(0 if n >= 32 else 1, 8)
            counts.append(so_far)
        cursor.execute("SELECT count(*) FROM processed.orders WHERE o_orderkey < 20000")
        assert cursor.fetchone() == (counts[-1],)
    wrong, done, memory = [], [], []
    began, until = time.monotonic(), time.monotonic() + seconds
    killer = subprocess.Popen([sys.executable, __file__, "--nursery", url, str(options.clients - half), str(seconds)], stdout=subprocess.PIPE, text=True)
    threads = [threading.Thread(target=steady, args=(url, until, counts, wrong, done)) for _ in range(half)]
    [thread.start() for thread in threads]
    while time.monotonic() < until:
        time.sleep(1)
        memory.append((time.monotonic() - began, resident(options.pid)))
    [thread.join() for thread in threads]
    born = int(killer.communicate()[0])
    say("load", f"{options.clients} clients for {seconds} s, of which {born} were killed: {len(done)} counts, {len(wrong)} wrong {wrong[:3]}", not wrong and len(done) > half)
    middle, last = ([mb for at, mb in memory if a * seconds <= at < b * seconds] for a, b in [(0.3, 0.6), (0.7, 1.0)])
    middle, last = statistics.median(middle), statistics.median(last)
    text = f"resident memory {middle:.0f} MB from 30 to 60 % of the time, {last:.0f} MB in the last 30 %, {max(mb for _, mb in memory)} MB at most"
    say("load", text, last < middle * 1.1 + 20)
    # What a killed client held ends with its connection.
    time.sleep(2)
    numbers = gauges(options.metrics)
    left = {name: numbers[f"weir_{name}"] for name in ["results", "prepared_statements", "statements_running", "sessions"]}
    say("load", f"left after it: {left}; resident {resident(options.pid)} MB", not any(left.values()))


def resident(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) // 1024


def gauges(url):
    text = urllib.request.urlopen(url).read().decode()
    return {name: int(float(value)) for name, value in re.findall(r"^(weir_\w+) (\S+)$", text, re.M)}


def prepare(program, folder, scale):
    """A lake with managed tables of the two."""
    import suites

    lake, tables = folder / "lake", suites.tpch(scale).tables
    subprocess.run([program, "init", lake], check=True, capture_output=True)
    raw, statements = lake / "data" / "raw", []
    raw.mkdir(parents=True, exist_ok=True)
    for name, order in [("orders", "o_orderkey"), ("lineitem", "l_orderkey")]:
        (raw / name).symlink_to(tables[name])
        statements.append(f"CREATE EXTERNAL TABLE raw.{name} STORED AS PARQUET LOCATION '{name}/'")
        statements.append(f"CREATE TABLE processed.{name} SORTED BY ({order}) AS SELECT * FROM raw.{name}")
    subprocess.run([program, "--lake", lake, "--quiet", "-c", "; ".join(statements)], check=True)
    return lake


def main():
    import environment

    environment.enter("flight-load", PACKAGES)
    from flight_python import Server

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--scale", type=float, default=1)
    options = parser.parse_args()
    options.program = options.program.resolve()
    with tempfile.TemporaryDirectory() as folder:
        options.lake = prepare(options.program, Path(folder), options.scale)
        with Server(options.program, options.lake, "--metrics", "127.0.0.1:0") as server:
            options.metrics, options.pid = server.process.stdout.readline().split()[-1], server.process.pid
            for part in options.only:
                globals()[part](server.url, options)
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--nursery"]:
        nursery(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        main()
