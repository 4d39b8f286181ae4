#!/usr/bin/env python3
"""Nexmark's windowed queries on the same Parquet files, in this program and its peers, in one run.

    benches/nexmark.py data                      # makes 10M events, once (cargo installs the generator)
    benches/nexmark.py run path/to/weir [q5 ...] # medians of three, and the largest memory, by query
    PEERS=duckdb,datafusion benches/nexmark.py run path/to/weir   # without polars, which takes minutes for q5

Everything lies in $WEIR_BENCH (else ~/.cache/weir/bench): a venv with pinned versions, the generator, the
data. Event times begin at a fixed moment. The peers are DuckDB, polars and plain DataFusion; each runs in a
process of its own, with two threads, and writes its answer to Parquet. The time is in all of them that of the
query and the writing alone, as the first statement of a fresh process: the start of a process, a connection and
the making of views are left out. DuckDB and this program both run `COPY (...) TO`; this program's time is the one
that `.timer on` tells: to a millisecond below a second, to a tenth above. A query that takes more than a minute is
run once. Answers are compared by row count.
Exit code 1 if a bar is missed: see BARS.
"""

import os
import re
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path

HOME = Path(os.environ.get("WEIR_BENCH", Path.home() / ".cache/weir/bench")) / "nexmark"
DATA = HOME / "data"
EVENTS = int(os.environ.get("EVENTS", 10_000_000))
PACKAGES = ["duckdb==2.0.0", "polars==2.1.0", "datafusion==55.0.0"]
BASE = 1_767_225_600_000  # 2026-01-01T00:00:00Z
THREADS = 2
RUNS = int(os.environ.get("RUNS", 3))
PEERS = os.environ.get("PEERS", "duckdb,datafusion,polars").split(",")
LONG = 60

# The share of each kind in 50 events.
KINDS = {"person": 1, "auction": 3, "bid": 46}
COLUMNS = {
    "person": "id::BIGINT AS id, name",
    "auction": "id::BIGINT AS id, seller::BIGINT AS seller, category::BIGINT AS category",
    "bid": "auction::BIGINT AS auction, bidder::BIGINT AS bidder, price::BIGINT AS price",
}


def python():
    path, installed = HOME / "venv/bin/python", HOME / "venv/packages.txt"
    if not installed.exists() or installed.read_text().split() != PACKAGES:
        venv.create(HOME / "venv", with_pip=True)
        subprocess.run([path, "-m", "pip", "install", "-q", *PACKAGES], check=True)
        installed.write_text("\n".join(PACKAGES))
    return path


def data():
    tool = HOME / "bin/nexmark"
    if not tool.exists():
        install = ["cargo", "install", "-q", "-j1", "nexmark@0.2.0", "--features", "bin", "--root", HOME]
        subprocess.run(install, check=True)
    DATA.mkdir(parents=True, exist_ok=True)
    for kind, share in KINDS.items():
        done = DATA / f"{kind}.parquet"
        if done.exists():
            continue
        lines = DATA / f"{kind}.json"
        rows = EVENTS * share // 50
        with lines.open("wb") as out:
            command = [tool, "--no-wait", "--type", kind, "--number", str(rows)]
            subprocess.run(command, stdout=out, check=True)
        source = f"(SELECT unnest({kind.title()}) FROM read_json('{lines}', format = 'newline_delimited'))"
        code = f"""
import duckdb
c = duckdb.connect(config={{'threads': {THREADS}}})
c.execute("SET enable_progress_bar = false")
c.execute("CREATE TABLE events AS SELECT {COLUMNS[kind]}, date_time::BIGINT AS moment FROM {source}")
c.execute("COPY (SELECT * EXCLUDE (moment), make_timestamp((moment - (SELECT min(moment) FROM events) + {BASE}) * 1000) AS ts "
          "FROM events) TO '{done}' (FORMAT parquet, ROW_GROUP_SIZE 500000)")
"""
        subprocess.run([python(), "-c", code], check=True)
        lines.unlink()


def unnested(step, count):
    """Plain SQL for HOP: a row for each of a bid's windows."""
    return (
        f"SELECT *, date_trunc('second', ts) - to_seconds(u.i * {step}) AS window_start "
        f"FROM bid, (SELECT unnest(range({count})) AS i) AS u"
    )


def datafusion_unnested(count):
    return (
        f"SELECT *, date_trunc('second', ts) - arrow_cast(u.value * 1000000, 'Duration(Microsecond)') AS "
        f"window_start FROM bid, generate_series(0, {count - 1}) AS u"
    )


SECOND, TEN = "INTERVAL '1 second'", "INTERVAL '10 seconds'"

# Sessions in plain SQL: where a gap ends a new one begins, and their number is the sum of beginnings so far.
LAG_AND_SUM = (
    f"SELECT bidder, min(ts) AS s, max(ts) + {TEN} AS e, count(*) AS n FROM (SELECT *, sum(fresh) OVER "
    f"(PARTITION BY bidder ORDER BY ts ROWS UNBOUNDED PRECEDING) AS session FROM (SELECT bidder, ts, CASE WHEN ts - lag(ts) OVER "
    f"(PARTITION BY bidder ORDER BY ts) <= {TEN} THEN 0 ELSE 1 END AS fresh FROM bid)) GROUP BY bidder, session"
)

QUERIES = {
    # Bids by auction in windows of ten seconds that begin every second.
    "q5": {
        "weir": f"SELECT auction, window_start, count(*) AS n FROM HOP(bid, ts, {SECOND}, {TEN}) GROUP BY 1, 2",
        "duckdb": f"SELECT auction, window_start, count(*) AS n FROM ({unnested(1, 10)}) GROUP BY 1, 2",
        "datafusion": f"SELECT auction, window_start, count(*) AS n FROM ({datafusion_unnested(10)}) GROUP BY 1, 2",
        "polars": "hop",
    },
    "hop60": {
        "weir": f"SELECT bidder % 100 AS k, window_start, count(*) AS n, sum(price) AS s FROM HOP(bid, ts, {SECOND}, "
        "INTERVAL '1 minute') GROUP BY 1, 2",
    },
    "tumble_by_slide": {
        "weir": f"SELECT bidder % 100 AS k, window_start, count(*) AS n, sum(price) AS s FROM TUMBLE(bid, ts, {SECOND}) "
        "GROUP BY 1, 2",
    },
    # The highest bid of each ten seconds.
    "q7": {
        "weir": f"SELECT window_start, window_end, max(price) AS p, count(*) AS n FROM TUMBLE(bid, ts, {TEN}) GROUP BY 1, 2",
        "duckdb": "SELECT time_bucket(INTERVAL '10 seconds', ts) AS w, max(price) AS p, count(*) AS n FROM bid GROUP BY 1",
        "datafusion": f"SELECT date_bin({TEN}, ts) AS w, max(price) AS p, count(*) AS n FROM bid GROUP BY 1",
        "polars": "tumble",
    },
    # People who opened an auction in the ten seconds in which they came.
    "q8": {
        "weir": f"SELECT p.id, p.name, p.window_start FROM (SELECT id, name, window_start FROM TUMBLE(person, ts, {TEN}) "
        f"GROUP BY 1, 2, 3) AS p JOIN (SELECT seller, window_start FROM TUMBLE(auction, ts, {TEN}) GROUP BY 1, 2) AS a "
        "ON p.id = a.seller AND p.window_start = a.window_start",
        "duckdb": "SELECT p.id, p.name, p.w FROM (SELECT DISTINCT id, name, time_bucket(INTERVAL '10 seconds', ts) AS w FROM "
        "person) AS p JOIN (SELECT DISTINCT seller, time_bucket(INTERVAL '10 seconds', ts) AS w FROM auction) AS a "
        "ON p.id = a.seller AND p.w = a.w",
        "datafusion": f"SELECT p.id, p.name, p.w FROM (SELECT DISTINCT id, name, date_bin({TEN}, ts) AS w FROM person) AS p "
        f"JOIN (SELECT DISTINCT seller, date_bin({TEN}, ts) AS w FROM auction) AS a ON p.id = a.seller AND p.w = a.w",
        "polars": "join",
    },
    # A bidder's bids in a session.
    "q11": {
        "weir": f"SELECT bidder, window_start, window_end, count(*) AS n FROM SESSION(bid, ts, {TEN}, key => [bidder]) "
        "GROUP BY 1, 2, 3",
        "duckdb": LAG_AND_SUM,
        "datafusion": LAG_AND_SUM,
        "polars": "session",
    },
    # What a bidder bid within a second up to each bid.
    "wt": {
        "weir": f"SELECT bidder, sum(price) OVER (PARTITION BY bidder ORDER BY ts RANGE BETWEEN {SECOND} PRECEDING AND CURRENT "
        "ROW) AS s FROM bid",
        "duckdb": f"SELECT bidder, sum(price) OVER (PARTITION BY bidder ORDER BY ts RANGE BETWEEN {SECOND} PRECEDING AND CURRENT "
        "ROW) AS s FROM bid",
        "datafusion": f"SELECT bidder, sum(price) OVER (PARTITION BY bidder ORDER BY ts RANGE BETWEEN {SECOND} PRECEDING AND "
        "CURRENT ROW) AS s FROM bid",
        "polars": "sliding",
    },
}

# The most that this program may take, as a share of a peer's time on the same query, or of another query's.
BARS = {
    "q5": ("duckdb", 0.15),
    "hop60": ("tumble_by_slide", 1.5),
    "q7": ("duckdb", 0.9),
    "q8": ("duckdb", 0.7),
    "q11": ("duckdb", 0.4),
    "wt": ("duckdb", 0.7),
}
MEMORY_MB = 500

POLARS = {
    "hop": "bid().sort('ts').group_by_dynamic('ts', every='1s', period='10s', group_by='auction').agg(pl.len())",
    "tumble": "bid().sort('ts').group_by_dynamic('ts', every='10s').agg(pl.col('price').max(), pl.len())",
    "join": "table('person').select('id', 'name', w=pl.col('ts').dt.truncate('10s')).unique().join("
    "table('auction').select('seller', w=pl.col('ts').dt.truncate('10s')).unique(), left_on=['id', 'w'], right_on=['seller', 'w'])",
    "session": "bid().sort('ts').with_columns(session=((pl.col('ts').diff() > pl.duration(seconds=10)).fill_null(True))"
    ".cum_sum().over('bidder')).group_by('bidder', 'session').agg(pl.col('ts').min(), pl.col('ts').max().alias('e'), pl.len())",
    "sliding": "bid().sort('ts').select('bidder', s=pl.col('price').rolling_sum_by('ts', '1s', closed='both').over('bidder'))",
}


def peer(engine, sql):
    """The program that answers `sql` and says how long that took."""
    views = "".join(f"CREATE VIEW {kind} AS SELECT * FROM '{DATA}/{kind}.parquet';" for kind in KINDS)
    if engine == "duckdb":
        return f"""
import duckdb, time
c = duckdb.connect(config={{'threads': {THREADS}}})
c.execute("SET enable_progress_bar = false")
c.execute({views!r})
began = time.monotonic()
c.execute({f"COPY ({sql}) TO '{HOME}/out.parquet' (FORMAT parquet)"!r})
print(time.monotonic() - began)
"""
    if engine == "polars":
        return f"""
import os, time
os.environ['POLARS_MAX_THREADS'] = '{THREADS}'
import polars as pl
began = time.monotonic()
table = lambda name: pl.scan_parquet(f'{DATA}/{{name}}.parquet')
bid = lambda: table('bid')
{POLARS[sql]}.collect().write_parquet('{HOME}/out.parquet')
print(time.monotonic() - began)
"""
    return f"""
import datafusion, time
c = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions({THREADS}))
for kind in {list(KINDS)!r}:
    c.register_parquet(kind, f'{DATA}/{{kind}}.parquet')
began = time.monotonic()
c.sql({sql!r}).write_parquet('{HOME}/out.parquet')
print(time.monotonic() - began)
"""


def lake(program):
    """A lake with the files as external tables."""
    folder = HOME / "lake"
    if not (folder / "catalog/lake.toml").exists():
        subprocess.run([program, "init", folder], check=True, capture_output=True)
        for kind in KINDS:
            place = folder / "data/raw"
            place.mkdir(parents=True, exist_ok=True)
            os.link(DATA / f"{kind}.parquet", place / f"{kind}.parquet")
            create = f"CREATE EXTERNAL TABLE raw.{kind} STORED AS PARQUET LOCATION '{kind}.parquet'"
            subprocess.run([program, "--lake", folder, "-c", create], check=True, capture_output=True)
    return folder


def measure(command, tells):
    """Seconds and megabytes of a process; `tells` reads in what it said how many seconds its query took."""
    (HOME / "out.parquet").unlink(missing_ok=True)
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise RuntimeError(process.stderr.read().decode()[-500:])
    return tells(process.stdout.read().decode(), process.stderr.read().decode()), usage.ru_maxrss / 1024


def peer_seconds(output, _errors):
    return float(output)


def own_seconds(output, errors):
    """What this program says of a statement's time."""
    found = re.search(r" in (?:(\d+) min )?([\d.]+) s\b", output + errors)
    if not found:
        raise RuntimeError(f"no time in: {output}{errors}")
    return 60 * int(found[1] or 0) + float(found[2])


def rows():
    code = f"import duckdb; print(duckdb.sql(\"SELECT count(*) FROM '{HOME}/out.parquet'\").fetchall()[0][0])"
    return int(subprocess.run([python(), "-c", code], check=True, capture_output=True, text=True).stdout)


def timed(program, name, engine, sql):
    """The median of seconds, and the largest memory, of the runs; and how many rows there were."""
    if engine == "weir":
        script = HOME / "query.sql"
        script.write_text(f".timer on\nCOPY ({sql}) TO '{HOME}/out.parquet';\n")
        command = [program, "--lake", lake(program), "--threads", THREADS, "-f", script]
    else:
        command = [python(), "-c", peer(engine, sql)]
    runs = []
    while len(runs) < RUNS and (not runs or runs[0][0] < LONG):
        runs.append(measure(command, own_seconds if engine == "weir" else peer_seconds))
    return statistics.median(seconds for seconds, _ in runs), max(memory for _, memory in runs), rows()


def run(program, chosen):
    program = Path(program).resolve()
    print(f"{EVENTS} events, {THREADS} threads, {time.strftime('%Y-%m-%d')}, {', '.join(PACKAGES)}")
    found, missed = {}, 0
    for name, engines in QUERIES.items():
        if chosen and name not in chosen:
            continue
        for engine, sql in engines.items():
            if engine not in ("weir", *PEERS):
                continue
            try:
                seconds, memory, count = timed(program, name, engine, sql)
            except RuntimeError as error:
                print(f"{name:16} {engine:11} failed: {error}", flush=True)
                missed += engine == "weir"
                continue
            found[name, engine] = seconds, memory, count
            print(f"{name:16} {engine:11} {seconds:8.2f} s {memory:8.0f} MB {count:>10} rows", flush=True)
    for name, (other, bar) in BARS.items():
        own, peer_ = found.get((name, "weir")), found.get((name, other), found.get((other, "weir")))
        if own and peer_:
            share = own[0] / peer_[0]
            held = share <= bar and own[1] <= MEMORY_MB and (other not in ("duckdb",) or own[2] == peer_[2])
            print(f"{name:16} {share:.2f} x {other}, at most {bar}: {'held' if held else 'MISSED'}", flush=True)
            missed += not held
    return 1 if missed else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["data"]:
            data()
        case ["run", program, *chosen]:
            sys.exit(run(program, chosen))
        case _:
            sys.exit(__doc__)
