#!/usr/bin/env python3
"""Cleaning, aggregates and ASOF joins on ten million rows in a thousand groups, beside polars, DuckDB and
scikit-learn, in one run.

    benches/cleaning.py path/to/weir [fill_mean ... | isolation_forest | mode ... | asof]

Everything lies in $WEIR_BENCH (else ~/.cache/weir/bench): a venv with pinned versions and the data. Both sides read
the same Parquet file, compute the column, and sum it; each runs in a process of its own with two threads. The time
is that of the query alone on either side, the first of its process; the median of three. The rows lie in no
order, so functions that need one sort on either side. The isolation forest is fitted to and scores a million rows
of four columns; scikit-learn's times for both are added up. Aggregates are computed for each group, and the join
finds for each row the last of ten million others of its group; both beside DuckDB's query alone. Exit code 1 if a
bar is missed: 1.2 times polars' time, a third of scikit-learn's, once DuckDB's.
"""

import json
import os
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path

HOME = Path(os.environ.get("WEIR_BENCH", Path.home() / ".cache/weir/bench")) / "cleaning"
PACKAGES = ["polars==2.1.0", "numpy==2.3.5", "scikit-learn==1.7.2", "pyarrow==21.0.0", "duckdb==2.0.0"]
ROWS, GROUPS, POINTS = int(os.environ.get("ROWS", 10_000_000)), 1000, 1_000_000
THREADS, RUNS = 2, 3
POLARS_BAR, FOREST_BAR, DUCKDB_BAR = 1.2, 1 / 3, 1.0

BY = "OVER (PARTITION BY g)"
INORDER = "OVER (PARTITION BY g ORDER BY t)"

# What this program is asked, and polars.
CASES = {
    "fill_mean": (f"fill_mean(x) {BY}", "x.fill_null(x.mean().over('g'))"),
    "fill_median": (f"fill_median(x) {BY}", "x.fill_null(x.median().over('g'))"),
    "fill_mode": (f"fill_mode(v) {BY}", "pl.col('v').fill_null(pl.col('v').drop_nulls().mode().min().over('g'))"),
    "zscore": (f"zscore(x) {BY}", "(x - x.mean().over('g')) / x.std().over('g')"),
    "zscore_pop": (f"zscore_pop(x) {BY}", "(x - x.mean().over('g')) / x.std(ddof=0).over('g')"),
    "mad_zscore": (f"mad_zscore(x) {BY}", "(0.6745 * (x - x.median()) / (x - x.median()).abs().median()).over('g')"),
    "iqr_outlier": (f"CAST(iqr_outlier(x) {BY} AS INT)",
                    "((x < q(0.25) - 1.5 * (q(0.75) - q(0.25))) | (x > q(0.75) + 1.5 * (q(0.75) - q(0.25))))"),
    "cap_iqr": (f"cap_iqr(x) {BY}", "x.clip(q(0.25) - 1.5 * (q(0.75) - q(0.25)), q(0.75) + 1.5 * (q(0.75) - q(0.25)))"),
    "winsorize": (f"winsorize(x, 0.05, 0.95) {BY}", "x.clip(q(0.05), q(0.95))"),
    "ffill": (f"ffill(x) {INORDER}", "x.forward_fill().over('g')"),
    "bfill": (f"bfill(x) {INORDER}", "x.backward_fill().over('g')"),
    "interpolate_linear": (f"interpolate_linear(x) {INORDER}", "x.interpolate_by('t').over('g')"),
}

# The same words on either side; what has several answers for ties is not compared.
AGGREGATES = {
    "mode": "mode(v)",
    "arg_min": "arg_min(x, t)",
    "arg_max": "arg_max(x, t)",
    "mad": "mad(x)",
    "skewness": "skewness(x)",
    "kurtosis": "kurtosis(x)",
    "entropy": "entropy(v)",
    "histogram": "cardinality(histogram(v))",
    "product": "product(1 + x / 1e6)",
    "geometric_mean": "geometric_mean(abs(x) + 1)",
    "weighted_avg": "weighted_avg(x, v)",
    "approx_top_k": ("array_length(approx_top_k(v, 10))", "len(approx_top_k(v, 10))"),
    "median": "median(x)",
}
TIES = ("mode",)

ASOF = """SELECT sum(q.p) AS c FROM {left} AS a ASOF LEFT JOIN {right} AS q ON a.g = q.g AND a.t >= q.t"""

DUCKDB = """
import json, sys, time
import duckdb
connection = duckdb.connect(config={"threads": int(sys.argv[2])})
connection.execute("SET enable_progress_bar = false")
began = time.perf_counter()
total = connection.execute(sys.argv[1]).fetchall()[0][0]
print(json.dumps([time.perf_counter() - began, float(total)]))
"""

POLARS = """
import json, sys, time
import polars as pl
file, expression, ordered = sys.argv[1], sys.argv[2], sys.argv[3] == "True"
x, q = pl.col("x"), lambda p: pl.col("x").quantile(p, "linear").over("g")
began = time.perf_counter()
frame = pl.scan_parquet(file)
if ordered:
    frame = frame.sort("g", "t")
total = frame.select(eval(expression).alias("c").sum()).collect().item()
print(json.dumps([time.perf_counter() - began, total]))
"""

SKLEARN = """
import json, sys, time
import numpy as np, pyarrow.parquet as parquet
from sklearn.ensemble import IsolationForest
table = parquet.read_table(sys.argv[1])
points = np.column_stack([table[name].to_numpy() for name in "abcd"])
began = time.perf_counter()
forest = IsolationForest(n_estimators=100, max_samples=256, random_state=1, n_jobs=2).fit(points)
total = -forest.score_samples(points).sum()
print(json.dumps([time.perf_counter() - began, total]))
"""

DATA = """
import sys
import numpy as np, polars as pl
chance = np.random.default_rng(1)
rows, groups, points = map(int, sys.argv[3:])
x = np.round(chance.normal(50, 10, rows), 2)
missing = chance.random(rows) < 0.1
frame = pl.DataFrame({"g": chance.integers(0, groups, rows), "t": chance.permutation(rows), "x": x,
                      "v": chance.integers(0, 100, rows)})
gone = pl.Series(missing)
frame = frame.with_columns(pl.when(~gone).then(pl.col("x")).alias("x"), pl.when(~gone).then(pl.col("v")).alias("v"))
frame.write_parquet(sys.argv[1])
pl.DataFrame({name: chance.normal(0, 1, points) for name in "abcd"}).write_parquet(sys.argv[2])
"""

QUOTES = """
import sys
import numpy as np, polars as pl
chance = np.random.default_rng(2)
rows, groups = map(int, sys.argv[2:])
pl.DataFrame({"g": chance.integers(0, groups, rows), "t": chance.permutation(rows),
              "p": np.round(chance.normal(100, 10, rows), 2)}).write_parquet(sys.argv[1])
"""


def python():
    path, installed = HOME / "venv/bin/python", HOME / "venv/packages.txt"
    if not installed.exists() or installed.read_text().split() != PACKAGES:
        venv.create(HOME / "venv", with_pip=True)
        subprocess.run([path, "-m", "pip", "install", "-q", *PACKAGES], check=True)
        installed.write_text("\n".join(PACKAGES))
    return path


def peer(interpreter, code, *arguments):
    environment = {**os.environ, "POLARS_MAX_THREADS": str(THREADS)}
    command = [interpreter, "-c", code, *map(str, arguments)]
    answers = [json.loads(subprocess.run(command, check=True, capture_output=True, env=environment).stdout)
               for _ in range(RUNS)]
    return statistics.median(seconds for seconds, _ in answers), answers[0][1]


def own(program, lake, sql):
    elapsed = "SELECT elapsed_ms FROM system.queries WHERE state = 'finished'"
    command = [program, "--lake", lake, "--threads", str(THREADS), "-q", "--format", "csv", "-c", sql, "-c", elapsed]
    times = []
    for _ in range(RUNS):
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        times.append(float(answer[-1]) / 1000)
    return statistics.median(times), float(answer[1])


def main(program, names):
    interpreter = python()
    lake, file, points = HOME / "lake", HOME / f"x-{ROWS}.parquet", HOME / f"points-{POINTS}.parquet"
    if not lake.exists():
        subprocess.run([program, "init", lake], check=True, capture_output=True)
    if not file.exists():
        subprocess.run([interpreter, "-c", DATA, file, points, *map(str, (ROWS, GROUPS, POINTS))], check=True)
    missed = []

    def report(name, ours, theirs, bar):
        ratio = ours[0] / theirs[0]
        apart = abs(ours[1] - theirs[1]) > 1e-6 * max(1.0, abs(theirs[1])) and name != "isolation_forest"
        mark = "MISSED" if ratio > bar else "DIFFERS" if apart else "met"
        print(f"{name:20} {ours[0]:7.2f} s  peer {theirs[0]:7.2f} s  {ratio:5.2f}x (bar {bar:.2f}) {mark}", flush=True)
        if mark != "met":
            missed.append(name)

    for name in names or CASES:
        if name not in CASES:
            continue
        call, expression = CASES[name]
        ours = own(program, lake, f"SELECT sum(c) FROM (SELECT {call} AS c FROM '{file}')")
        report(name, ours, peer(interpreter, POLARS, file, expression, INORDER in call), POLARS_BAR)
    if not names or "isolation_forest" in names:
        sql = f"SELECT sum(anomaly_score) FROM isolation_forest((SELECT * FROM '{points}'), columns => [a, b, c, d], seed => 1)"
        report("isolation_forest", own(program, lake, sql), peer(interpreter, SKLEARN, points), FOREST_BAR)
    for name in names or AGGREGATES:
        if name not in AGGREGATES:
            continue
        call = AGGREGATES[name]
        call, theirs = call if isinstance(call, tuple) else (call, call)
        query = f"SELECT sum(c) FROM (SELECT g, {{}} AS c FROM '{file}' GROUP BY g)"
        answer = peer(interpreter, DUCKDB, query.format(theirs), THREADS)
        ours = own(program, lake, query.format(call))
        report(name, (ours[0], answer[1]) if name in TIES else ours, answer, DUCKDB_BAR)
    if not names or "asof" in names:
        quotes = HOME / f"quotes-{ROWS}.parquet"
        if not quotes.exists():
            subprocess.run([interpreter, "-c", QUOTES, quotes, str(ROWS), str(GROUPS)], check=True)
        query = ASOF.format(left=f"'{file}'", right=f"'{quotes}'")
        report("asof", own(program, lake, query), peer(interpreter, DUCKDB, query, THREADS), DUCKDB_BAR)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
