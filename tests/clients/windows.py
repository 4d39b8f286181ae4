#!/usr/bin/env python3
"""The windows over the sample lake, compared with DuckDB, which has none and is told them by hand.

    tests/clients/windows.py path/to/weir

Makes a sample lake and a venv (DuckDB, pinned) in a temporary folder, asks both the same, and compares the
answers row by row: the tables that the sample's own scripts make by each kind of window, and the windows
with keys and frames that slide. Exit code 0 if all agree.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

EVENTS = "processed.events"

# What this program is asked, and the same in DuckDB's SQL over the same files.
QUESTIONS = {
    "activity_5m": (
        "SELECT * FROM curated.activity_5m",
        "SELECT w, w + INTERVAL '5 minutes', count(*) FILTER (event_type = 'view'), count(*) FILTER (event_type = 'click'), "
        "count(*) FILTER (event_type = 'purchase'), count(DISTINCT user_id) FROM "
        "(SELECT *, time_bucket(INTERVAL '1 minute', event_time) - to_minutes(unnest(range(5))) AS w FROM events) GROUP BY 1, 2",
    ),
    "hourly_sales": (
        "SELECT * FROM curated.hourly_sales",
        "SELECT time_bucket(INTERVAL '1 hour', event_time), count(*), count(DISTINCT user_id), "
        "CAST(sum(amount) AS DECIMAL(18, 2)) FROM events WHERE event_type = 'purchase' GROUP BY 1",
    ),
    "sales_so_far": (
        "SELECT * FROM curated.sales_so_far",
        "SELECT w, w + to_hours(h), count(*), CAST(sum(amount) AS DECIMAL(18, 2)) FROM "
        "(SELECT *, time_bucket(INTERVAL '1 day', event_time) AS w, unnest(range(1, 25)) AS h FROM events "
        "WHERE event_type = 'purchase') WHERE event_time < w + to_hours(h) GROUP BY 1, 2",
    ),
    "visits": (
        "SELECT * FROM curated.visits",
        "SELECT user_id, min(event_time), max(event_time) + INTERVAL '30 minutes', count(*), count(DISTINCT item_id), "
        "count(*) FILTER (event_type = 'purchase') FROM (SELECT *, sum(fresh) OVER (PARTITION BY user_id ORDER BY event_time, "
        "event_id) AS visit FROM (SELECT *, CASE WHEN event_time - lag(event_time) OVER (PARTITION BY user_id ORDER BY "
        "event_time, event_id) <= INTERVAL '30 minutes' THEN 0 ELSE 1 END AS fresh FROM events)) GROUP BY user_id, visit",
    ),
    "reading_runs": (
        "SELECT sensor_id, window_id, first_at, last_at, round(mean, 6), spikes FROM curated.reading_runs",
        "SELECT sensor_id, place // 60 + 1, min(ts), max(ts), round(avg(value), 6), count(*) FILTER (is_spike) FROM "
        "(SELECT *, row_number() OVER (PARTITION BY sensor_id ORDER BY ts) - 1 AS place FROM readings) "
        "GROUP BY sensor_id, place // 60 HAVING count(*) = 60",
    ),
    "tumble": (
        f"SELECT event_type, window_start, window_end, count(*) AS n, sum(amount) AS s "
        f"FROM TUMBLE({EVENTS}, event_time, INTERVAL '15 minutes') GROUP BY 1, 2, 3",
        "SELECT event_type, w, w + INTERVAL '15 minutes', count(*), sum(amount) FROM "
        "(SELECT *, time_bucket(INTERVAL '15 minutes', event_time) AS w FROM events) GROUP BY 1, 2, 3",
    ),
    "hop": (
        f"SELECT event_type, window_start, window_end, count(*) AS n, count(DISTINCT user_id) AS u "
        f"FROM HOP({EVENTS}, event_time, INTERVAL '10 minutes', INTERVAL '1 hour') GROUP BY 1, 2, 3",
        "SELECT event_type, w, w + INTERVAL '1 hour', count(*), count(DISTINCT user_id) FROM "
        "(SELECT *, time_bucket(INTERVAL '10 minutes', event_time) - to_minutes(10 * unnest(range(6))) AS w FROM events) "
        "GROUP BY 1, 2, 3",
    ),
    "cumulate": (
        f"SELECT event_type, window_start, window_end, count(*) AS n, max(event_id) AS m "
        f"FROM CUMULATE({EVENTS}, event_time, INTERVAL '1 hour', INTERVAL '6 hours') GROUP BY 1, 2, 3",
        "SELECT event_type, w, w + to_hours(h), count(*), max(event_id) FROM "
        "(SELECT *, time_bucket(INTERVAL '6 hours', event_time) AS w, unnest(range(1, 7)) AS h FROM events) "
        "WHERE event_time < w + to_hours(h) GROUP BY 1, 2, 3",
    ),
    "session": (
        f"SELECT user_id, window_start, window_end, count(*) AS n "
        f"FROM SESSION({EVENTS}, event_time, INTERVAL '30 minutes', key => [user_id]) GROUP BY 1, 2, 3",
        "SELECT user_id, min(event_time), max(event_time) + INTERVAL '30 minutes', count(*) FROM "
        "(SELECT *, sum(fresh) OVER (PARTITION BY user_id ORDER BY event_time, event_id) AS session FROM "
        "(SELECT *, CASE WHEN event_time - lag(event_time) OVER (PARTITION BY user_id ORDER BY event_time, event_id) "
        "<= INTERVAL '30 minutes' THEN 0 ELSE 1 END AS fresh FROM events)) GROUP BY user_id, session",
    ),
    "count_window": (
        f"SELECT user_id, window_id, min(window_start) AS s, max(window_end) AS e, sum(event_id) AS n "
        f"FROM COUNT_WINDOW({EVENTS}, event_time, 5, key => [user_id], order_by => [event_id]) GROUP BY 1, 2",
        "SELECT user_id, place // 5 + 1, min(event_time), max(event_time), sum(event_id) FROM "
        "(SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY event_time, event_id) - 1 AS place FROM events) "
        "GROUP BY user_id, place // 5 HAVING count(*) = 5",
    ),
    "sliding": (
        f"SELECT event_id, sum(amount) OVER w AS s, count(*) OVER w AS n, max(event_time) OVER w AS m FROM {EVENTS} "
        "WINDOW w AS (PARTITION BY user_id ORDER BY event_time RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW)",
        "SELECT event_id, sum(amount) OVER w, count(*) OVER w, max(event_time) OVER w FROM events "
        "WINDOW w AS (PARTITION BY user_id ORDER BY event_time RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW)",
    ),
}

COMPARE = """
import sys, duckdb
folder, answer, question = sys.argv[1:]
duckdb.sql("SET TimeZone = 'UTC'")
for name, files in (("events", "events*/dt=*"), ("readings", "readings*")):
    duckdb.sql(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{folder}/{files}/*.parquet', hive_partitioning = true)")
ours = f"SELECT * FROM '{answer}'"
missing = duckdb.sql(f"({question}) EXCEPT ALL ({ours})").fetchall()
extra = duckdb.sql(f"({ours}) EXCEPT ALL ({question})").fetchall()
rows = duckdb.sql(f"SELECT count(*) FROM ({ours})").fetchone()[0]
print(f"{rows} rows, {len(missing)} missing, {len(extra)} extra", *missing[:2], *extra[:2])
sys.exit(1 if missing or extra or not rows else 0)
"""


def main(program):
    program = Path(program).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        lake = folder / "lake"
        demo = [program, "demo", "--lake", lake, "--rows", "50000", "--no-repl"]
        subprocess.run(demo, check=True, capture_output=True)
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv/bin/python"
        subprocess.run([python, "-m", "pip", "install", "-q", "duckdb==1.5.1"], check=True)
        failed = 0
        for name, (question, same) in QUESTIONS.items():
            answer = folder / f"{name}.parquet"
            subprocess.run([program, "--lake", lake, "--output", answer, "--quiet", "-c", question], check=True)
            compared = subprocess.run([python, "-c", COMPARE, lake / "data/processed", answer, same])
            print(f"{name}: {'agrees' if compared.returncode == 0 else 'DIFFERS'}", flush=True)
            failed += compared.returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
