#!/usr/bin/env python3
"""The cleaning functions compared with those who are known for them: pandas, polars, numpy, scikit-learn, DuckDB.

    tests/clients/cleaning.py path/to/weir

Makes a venv with pinned versions in the user's cache, writes data with a seed, asks this program and its peers
the same, and compares row by row. Then the sample lake: gapfill finds the planted gaps and no others, mad_zscore
every planted spike and at most 1 % of the other readings. Exit code 0 if all agree.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PEERS = ["duckdb==1.5.1", "pandas==2.3.3", "polars==1.35.2", "pyarrow==21.0.0", "scikit-learn==1.7.2", "scipy==1.16.3"]


def python():
    """The interpreter of a venv that has the peers."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "weir" / "venv-cleaning"
    program, mark = cache / "bin/python", cache / "peers"
    wanted = "\n".join(PEERS)
    if not mark.exists() or mark.read_text() != wanted:
        venv.create(cache, with_pip=True, clear=True)
        subprocess.run([program, "-m", "pip", "install", "-q", *PEERS], check=True)
        mark.write_text(wanted)
    return program


class Lake:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        subprocess.run([program, "init", folder], check=True, capture_output=True)

    def ask(self, sql, name="answer", settings=()):
        """The answer as a pyarrow table."""
        import pyarrow.parquet as parquet

        file = self.folder.parent / f"{name}.parquet"
        sets = [part for key, value in settings for part in ("-c", f"SET {key} = {value}")]
        command = [self.program, "--lake", self.folder, "-q", *sets, "-c", sql, "-o", file]
        subprocess.run(command, check=True)
        return parquet.read_table(file)


FAILED = []


def agree(name, found, wanted, tolerance=1e-9):
    """Compares two columns, NULL (or a missing value) being one."""
    import numpy as np

    found, wanted = (np.asarray(column, dtype=float) for column in (found, wanted))
    same = len(found) == len(wanted) and np.allclose(found, wanted, rtol=tolerance, atol=tolerance, equal_nan=True)
    print(f"{'agrees' if same else 'DIFFERS':8} {name}: {len(found)} rows")
    if not same:
        FAILED.append(name)
        if len(found) == len(wanted):
            apart = ~np.isclose(found, wanted, rtol=tolerance, atol=tolerance, equal_nan=True)
            print(f"         {apart.sum()} apart, first {found[apart][:3]} wanted {wanted[apart][:3]}")


def holds(name, truth, said):
    print(f"{'holds' if truth else 'FAILS':8} {name}: {said}")
    if not truth:
        FAILED.append(name)


def data(folder):
    import numpy as np
    import pandas as pd

    chance = np.random.default_rng(20260201)
    rows = 20_000
    values = np.round(chance.normal(100, 15, rows), 1)
    values[chance.random(rows) < 0.002] *= 20
    frame = pd.DataFrame({"g": chance.integers(0, 37, rows), "t": chance.permutation(rows * 3)[:rows], "x": values})
    frame.loc[chance.random(rows) < 0.2, "x"] = np.nan
    frame = frame.sort_values(["g", "t"], ignore_index=True)
    frame.to_parquet(folder / "x.parquet", index=False)
    return frame


def whole(lake, frame, file):
    import numpy as np

    source = f"'{file}'"
    functions = ["fill_mean(x)", "fill_median(x)", "fill_mode(x)", "zscore(x)", "zscore_pop(x)", "mad_zscore(x)",
                 "iqr_outlier(x)", "cap_iqr(x)", "winsorize(x, 0.05, 0.95)"]
    columns = ", ".join(f"{call} OVER w AS c{i}" for i, call in enumerate(functions))
    found = lake.ask(f"SELECT g, t, {columns} FROM {source} WINDOW w AS (PARTITION BY g) ORDER BY g, t").to_pandas()
    by = frame.groupby("g")["x"]
    mean, median = by.transform("mean"), by.transform("median")
    mode = by.transform(lambda x: x.mode().min())
    mad = by.transform(lambda x: np.nanmedian(np.abs(x - np.nanmedian(x))))
    q1, q3 = (by.transform(lambda x, q=q: np.nanquantile(x, q)) for q in (0.25, 0.75))
    lo, hi = (by.transform(lambda x, q=q: np.nanquantile(x, q)) for q in (0.05, 0.95))
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    x = frame["x"]
    outlier = ((x < low) | (x > high)).astype(float).where(x.notna())
    wanted = [x.fillna(mean), x.fillna(median), x.fillna(mode), (x - mean) / by.transform("std"),
              (x - mean) / by.transform(lambda x: x.std(ddof=0)), 0.6745 * (x - median) / mad, outlier,
              x.clip(low, high), x.clip(lo, hi)]
    for i, (call, column) in enumerate(zip(functions, wanted)):
        agree(f"{call}, pandas and numpy", found[f"c{i}"].astype(float), column)


def ordered(lake, frame, file):
    import polars as pl

    calls = ["ffill(x)", "ffill(x, 2)", "bfill(x)", "bfill(x, 2)", "interpolate_linear(x)"]
    columns = ", ".join(f"{call} OVER w AS c{i}" for i, call in enumerate(calls))
    sql = f"SELECT g, t, {columns} FROM '{file}' WINDOW w AS (PARTITION BY g ORDER BY t) ORDER BY g, t"
    found = lake.ask(sql).to_pandas()
    by = frame.groupby("g")["x"]
    wanted = [by.ffill(), by.ffill(limit=2), by.bfill(), by.bfill(limit=2)]
    for i, column in enumerate(wanted):
        agree(f"{calls[i]}, pandas", found[f"c{i}"].astype(float), column)
    interpolated = by_key(frame)
    agree("interpolate_linear(x), pandas by index, interior", found["c4"].astype(float), interpolated)
    peer = pl.from_pandas(frame).with_columns(
        f=pl.col("x").fill_nan(None).forward_fill().over("g"), b=pl.col("x").fill_nan(None).backward_fill().over("g"),
        i=pl.col("x").fill_nan(None).interpolate_by("t").over("g"))
    for name, place in (("f", 0), ("b", 2), ("i", 4)):
        agree(f"{calls[place]}, polars", found[f"c{place}"].astype(float), peer[name].to_numpy())


def by_key(frame):
    def one(group):
        values = group.set_index("t")["x"].interpolate(method="index", limit_area="inside")
        return values.set_axis(group.index)

    import pandas as pd

    return pd.concat([one(group) for _, group in frame.groupby("g")]).sort_index()


def aggregates(lake, file):
    import duckdb

    calls = ["mode(x)", "arg_min(t, x)", "arg_max(t, x)", "mad(x)", "skewness(x)", "kurtosis(x)", "entropy(x)",
             "product(x / 100)", "median(x)", "quantile_cont(x, 0.9)"]
    ours = [call.replace("quantile_cont(x, 0.9)", "percentile_cont(0.9) WITHIN GROUP (ORDER BY x)") for call in calls]
    # Of equally good rows DuckDB takes any: values that are one's own alone.
    distinct = f"(SELECT g, min(t) AS t, x FROM '{file}' WHERE x IS NOT NULL GROUP BY g, x)"
    for call, own in zip(calls, ours):
        source = distinct if call.startswith("arg") else f"(SELECT * FROM '{file}' WHERE x IS NOT NULL)"
        if call == "mode(x)":
            source = f"(SELECT g, round(x) AS x FROM '{file}' WHERE x IS NOT NULL)"
        found = lake.ask(f"SELECT g, CAST({own} AS DOUBLE) AS v FROM {source} AS s GROUP BY g ORDER BY g").to_pandas()
        wanted = duckdb.sql(f"SELECT g, CAST({call} AS DOUBLE) AS v FROM {source} AS s GROUP BY g ORDER BY g").df()
        if call == "mode(x)":
            counts = duckdb.sql(f"SELECT g, x, count(*) AS n FROM {source} GROUP BY ALL")
            wanted = duckdb.sql("SELECT g, min(x) AS v FROM counts WHERE n = (SELECT max(n) FROM counts AS c "
                                "WHERE c.g = counts.g) GROUP BY g ORDER BY g").df()
        agree(f"{call}, DuckDB", found["v"], wanted["v"], 1e-7)


def relations(lake, file):
    import duckdb

    own = f"SELECT g, t, x FROM dedup((SELECT * FROM '{file}'), key => [g], order_by => t) ORDER BY g"
    found, wanted = lake.ask(own).to_pandas(), duckdb.sql(
        f"SELECT g, t, x FROM '{file}' QUALIFY row_number() OVER (PARTITION BY g ORDER BY t DESC) = 1 ORDER BY g").df()
    agree("dedup, DuckDB", found["t"], wanted["t"])
    times = f"(SELECT g, make_timestamp(t * 1000000) AS ts, x FROM '{file}' WHERE g < 5)"
    ours = times.replace("make_timestamp(t * 1000000)", "to_timestamp_micros(t * 1000000)")
    found = lake.ask(f"SELECT g, count(*) AS n, count(x) AS m FROM gapfill({ours}, ts, INTERVAL '1 second', "
                     "key => [g]) GROUP BY g ORDER BY g").to_pandas()
    wanted = duckdb.sql(f"SELECT g, max(t) - min(t) + 1 AS n, count(x) AS m FROM '{file}' WHERE g < 5 GROUP BY g ORDER BY g").df()
    agree("gapfill, DuckDB", found["n"], wanted["n"])
    agree("gapfill keeps values, DuckDB", found["m"], wanted["m"])


def point_sets():
    """Points and whether each is an anomaly."""
    import numpy as np
    from sklearn.datasets import load_breast_cancer, make_blobs, make_moons

    chance = np.random.default_rng(7)
    blobs, _ = make_blobs(4000, centers=[(0, 0, 0), (6, 6, 0)], cluster_std=1.0, random_state=3)
    far = chance.uniform(-8, 14, (120, 3))
    yield "blobs", np.vstack([blobs, far]), np.r_[np.zeros(4000), np.ones(120)]
    moons, _ = make_moons(4000, noise=0.08, random_state=5)
    far = chance.uniform(-3, 4, (160, 2))
    yield "moons", np.vstack([moons, far]), np.r_[np.zeros(4000), np.ones(160)]
    cancer = load_breast_cancer()
    benign = np.flatnonzero(cancer.target == 1)
    malignant = np.flatnonzero(cancer.target == 0)[:40]
    points = cancer.data[np.r_[benign, malignant]]
    yield "breast cancer", points, np.r_[np.zeros(len(benign)), np.ones(40)]


def forest(lake, folder):
    import numpy as np
    import pandas as pd
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import roc_auc_score

    for name, points, truth in point_sets():
        names = [f"c{i}" for i in range(points.shape[1])]
        file = folder / "points.parquet"
        pd.DataFrame(points, columns=names).assign(id=range(len(points))).to_parquet(file, index=False)
        ours, theirs = [], []
        for seed in range(10):
            sql = (f"SELECT id, anomaly_score FROM isolation_forest((SELECT * FROM '{file}'), columns => [{', '.join(names)}], "
                   f"seed => {seed}) ORDER BY id")
            scores = lake.ask(sql).to_pandas()["anomaly_score"]
            ours.append(roc_auc_score(truth, scores))
            if seed == 0:
                alone = lake.ask(sql, settings=[("datafusion.execution.target_partitions", 1),
                                                ("datafusion.execution.batch_size", 100)]).to_pandas()
                holds(f"isolation_forest, {name}", (alone["anomaly_score"] == scores).all(), "one seed, one forest")
            peer = IsolationForest(n_estimators=100, max_samples=256, random_state=seed).fit(points)
            theirs.append(roc_auc_score(truth, -peer.score_samples(points)))
        apart = abs(np.mean(ours) - np.mean(theirs))
        holds(f"isolation_forest, {name}", apart <= 0.02,
              f"AUC {np.mean(ours):.4f}, scikit-learn {np.mean(theirs):.4f}, over 10 seeds")


def sample(program, folder):
    """The sample lake: what is planted is found."""
    lake = folder / "demo"
    demo = [program, "demo", "--lake", lake, "--rows", "200000", "--no-repl"]
    subprocess.run(demo, check=True, capture_output=True)
    planted = json.loads((lake / "data/answers.json").read_text())["raw.readings"]

    def count(sql):
        command = [program, "--lake", lake, "-q", "--format", "csv", "-c", sql]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [int(cell) for cell in answer.splitlines()[1].split(",")]

    rows, = count("SELECT count(*) FROM raw.readings")
    filled, = count("SELECT count(*) FROM gapfill(raw.readings, ts, INTERVAL '1 minute', key => [sensor_id])")
    holds("gapfill, sample lake", filled - rows == planted["gap"], f"{filled - rows} gaps, planted {planted['gap']}")
    flagged, others = count(
        "WITH scored AS (SELECT value, mad_zscore(value) OVER (PARTITION BY sensor_id) AS z, "
        "value - median(value) OVER (PARTITION BY sensor_id, date_trunc('hour', ts)) AS off FROM raw.readings) "
        "SELECT count(*) FILTER (WHERE abs(z) > 3.5 AND abs(off) > 8), count(*) FILTER (WHERE abs(z) > 3.5 AND abs(off) <= 8) "
        "FROM scored")
    holds("mad_zscore, sample lake", flagged == planted["spike"], f"{flagged} spikes, planted {planted['spike']}")
    holds("mad_zscore, other readings", others <= 0.01 * rows, f"{others} of {rows}")


def compare(program):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        lake = Lake(program, folder / "lake")
        frame, file = data(folder), folder / "x.parquet"
        whole(lake, frame, file)
        ordered(lake, frame, file)
        aggregates(lake, file)
        relations(lake, file)
        forest(lake, folder)
        sample(program, folder)
    if FAILED:
        sys.exit(f"{len(FAILED)} do not agree: {', '.join(FAILED)}")
    print("all agree")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[2] == "--with-peers":
        compare(sys.argv[1])
    else:
        program = Path(sys.argv[1]).resolve()
        sys.exit(subprocess.run([python(), __file__, program, "--with-peers"], check=False).returncode)
