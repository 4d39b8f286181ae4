#!/usr/bin/env python3
"""A server under load: many clients, half of which vanish; latency, throughput, and a table read whole.

    benches/flight_load.py path/to/weir [--clients 100] [--seconds 300] [--rows 6000000]

Starts a server on a new lake with a table like TPC-H's lineitem, and prints what it measured: the median of a warm
point query with one client; point queries a second with 16; the time to read the table whole through Flight beside
that of draining the same statement in process; and, while clients come and vanish at random, the server's memory,
wrong counts and handles that are left. Runs in the venv of tests/clients/flight_python.py.
"""

import argparse
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "clients"))
from flight_python import Server, python_with_packages

MAKE = """CREATE TABLE processed.lineitem AS SELECT value AS l_orderkey, value % 200000 AS l_partkey,
 value % 10000 AS l_suppkey, value % 7 AS l_linenumber, arrow_cast(value % 50, 'Decimal128(15, 2)') AS l_quantity,
 arrow_cast(value % 100000, 'Decimal128(15, 2)') AS l_extendedprice, arrow_cast(0.05, 'Decimal128(15, 2)') AS l_discount,
 arrow_cast(0.02, 'Decimal128(15, 2)') AS l_tax, CASE WHEN value % 2 = 0 THEN 'A' ELSE 'N' END AS l_returnflag,
 CASE WHEN value % 3 = 0 THEN 'F' ELSE 'O' END AS l_linestatus, DATE '1992-01-02' AS l_shipdate,
 DATE '1992-02-02' AS l_commitdate, DATE '1992-03-02' AS l_receiptdate, 'DELIVER IN PERSON' AS l_shipinstruct,
 'TRUCK' AS l_shipmode, 'comment on line ' || value AS l_comment FROM generate_series(1, {rows})"""

POINT = "SELECT l_comment FROM processed.points WHERE l_orderkey = ?"


def connect(url):
    import adbc_driver_flightsql.dbapi as dbapi

    return dbapi.connect(url, autocommit=True, db_kwargs={"adbc.flight.sql.rpc.with_cookie_middleware": "true"})


def point(cursor, key):
    began = time.perf_counter()
    cursor.execute(POINT, (key,))
    assert cursor.fetchone() == (f"comment on line {key}",)
    return time.perf_counter() - began


def latency(url):
    with connect(url) as connection, connection.cursor() as cursor:
        for _ in range(50):
            point(cursor, 17)
        times = [point(cursor, random.randint(1, 1000)) for _ in range(500)]
    plain = []
    with connect(url) as connection, connection.cursor() as cursor:
        for i in range(550):
            began = time.perf_counter()
            cursor.execute(f"SELECT l_comment FROM processed.points WHERE l_orderkey = {i % 1000 + 1}")
            cursor.fetchall()
            plain.append(time.perf_counter() - began)
    print(f"warm point query, one client: p50 {statistics.median(plain[50:]) * 1000:.2f} ms; "
          f"with a value bound {statistics.median(times) * 1000:.2f} ms", flush=True)


def throughput(url, clients=16, seconds=10):
    done = [0] * clients
    until = time.monotonic() + seconds

    def work(number):
        with connect(url) as connection, connection.cursor() as cursor:
            while time.monotonic() < until:
                cursor.execute(f"SELECT l_comment FROM processed.points WHERE l_orderkey = {random.randint(1, 1000)}")
                cursor.fetchall()
                done[number] += 1

    threads = [threading.Thread(target=work, args=(i,)) for i in range(clients)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print(f"point queries with {clients} clients: {sum(done) / seconds:.0f} a second", flush=True)


def whole(url, program, lake):
    def through_flight():
        import pyarrow.flight as flight  # the ticket's stream alone, without a frame to be built

        with connect(url) as connection, connection.cursor() as cursor:
            began = time.perf_counter()
            cursor.execute("SELECT * FROM processed.lineitem")
            rows = sum(batch.num_rows for batch in cursor.fetch_record_batch())
            assert flight and rows
            return time.perf_counter() - began, rows

    def in_process():
        # What EXPLAIN ANALYZE runs is the statement, drained.
        began = time.perf_counter()
        sql = "EXPLAIN ANALYZE SELECT * FROM processed.lineitem"
        subprocess.run([program, "--lake", lake, "--quiet", "-c", sql], check=True, capture_output=True)
        return time.perf_counter() - began

    remote = sorted(through_flight() for _ in range(3))[1]
    local = sorted(in_process() for _ in range(3))[1]
    print(f"lineitem whole, {remote[1]} rows: {remote[0]:.2f} s through Flight, {local:.2f} s drained in process "
          f"(its start included): {remote[0] / local:.2f} ×", flush=True)


def vanish(url, metrics, clients, seconds, pid):
    """Half of the clients are processes that are killed in the middle of what they do."""
    wrong, until = [], time.monotonic() + seconds
    victim = (
        "import sys, adbc_driver_flightsql.dbapi as d\n"
        "c = d.connect(sys.argv[1], autocommit=True)\n"
        "while True:\n"
        "  k = c.cursor(); k.execute('SELECT * FROM processed.lineitem'); r = k.fetch_record_batch()\n"
        "  for _ in range(3): r.read_next_batch()\n"
    )

    def steady():
        with connect(url) as connection, connection.cursor() as cursor:
            while time.monotonic() < until:
                n = random.randint(1, 1000)
                cursor.execute("SELECT count(*) FROM processed.points WHERE l_orderkey <= ?", (n,))
                if cursor.fetchone() != (n,):
                    wrong.append(n)

    def doomed():
        while time.monotonic() < until:
            process = subprocess.Popen([sys.executable, "-c", victim, url], stderr=subprocess.DEVNULL)
            time.sleep(random.uniform(1.5, 6))
            process.kill()
            process.wait()

    threads = [threading.Thread(target=steady if i % 2 else doomed) for i in range(clients)]
    [thread.start() for thread in threads]
    memory = []
    while time.monotonic() < until:
        time.sleep(max(seconds / 20, 1))
        memory.append(resident(pid))
    [thread.join() for thread in threads]
    time.sleep(3)
    numbers = gauges(metrics)
    half = len(memory) // 2
    print(f"{clients} clients for {seconds} s, half of them vanishing: {len(wrong)} wrong counts; memory "
          f"{max(memory[:half])} MB at most in the first half, {max(memory[half:])} MB in the second, "
          f"{resident(pid)} MB after; left: {numbers['weir_results']} results, {numbers['weir_prepared_statements']} "
          f"prepared, {numbers['weir_sessions']} sessions", flush=True)


def resident(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) // 1024


def gauges(url):
    text = urllib.request.urlopen(url).read().decode()
    return {name: int(float(value)) for name, value in re.findall(r"^(weir_\w+) (\S+)$", text, re.M)}


def run(program, lake, url, metrics, pid, clients, seconds, rows):
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(MAKE.format(rows=rows))
        cursor.execute("CREATE TABLE processed.points AS SELECT * FROM processed.lineitem WHERE l_orderkey <= 1000")
    latency(url)
    throughput(url)
    whole(url, program, lake)
    vanish(url, metrics, int(clients), int(seconds), int(pid))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--rows", type=int, default=6_000_000)
    options = parser.parse_args()
    program, python = options.program.resolve(), python_with_packages()
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder) / "lake"
        subprocess.run([program, "init", lake], check=True, capture_output=True)
        with Server(program, lake, "--metrics", "127.0.0.1:0") as server:
            metrics = server.process.stdout.readline().split()[-1]
            arguments = [program, lake, server.url, metrics, server.process.pid, options.clients, options.seconds, options.rows]
            ran = subprocess.run([python, __file__, "--run", *map(str, arguments)])
    return ran.returncode


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] == "--run":
        run(*sys.argv[2:])
    else:
        sys.exit(main())
