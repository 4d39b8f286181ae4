"""DuckDB with SQL fused by hand: the least that the work can cost."""

import duckdb

import task
from rules import KEY


def prepare(job):
    connection = duckdb.connect()
    connection.execute(f"SET threads = {job.threads}")
    connection.execute(f"CREATE VIEW t AS FROM read_parquet('{job.data}/*.parquet')")
    connection.execute("CREATE MACRO regexp_like(s, p) AS regexp_matches(s, p)")
    rows = [rule for rule in job.rules if not rule.unique]
    key = next((rule for rule in job.rules if rule.unique), None)
    present = " AND ".join(f"{column} IS NOT NULL" for column in KEY)
    twice = f"SELECT {', '.join(KEY)}, count(*) AS n FROM t WHERE {present} GROUP BY ALL HAVING count(*) > 1"
    reasons = [f"CASE WHEN NOT ({rule.good}) THEN '{rule.name}' END" for rule in rows]
    source = "t"
    if key:
        source = f"t LEFT JOIN ({twice}) AS twice USING ({', '.join(KEY)})"
        reasons.append(f"CASE WHEN twice.n IS NOT NULL THEN '{key.name}' END")
    good = " AND ".join([f"(({rule.good}) IS NOT FALSE)" for rule in rows] + (["twice.n IS NULL"] if key else []))
    columns = "t.*" if key else "*"
    bad_rows = f"SELECT {columns}, list_filter([{', '.join(reasons)}], lambda x: x IS NOT NULL) AS reasons FROM {source} WHERE NOT ({good})"

    def counts():
        fused = ", ".join(f"count_if(NOT ({rule.good}))" for rule in rows)
        found = dict(zip([rule.name for rule in rows], connection.execute(f"SELECT {fused} FROM t").fetchone() if rows else []))
        if key:
            found[key.name] = int(connection.execute(f"SELECT coalesce(sum(n), 0) FROM ({twice})").fetchone()[0])
        return found

    def bad():
        connection.execute(f"COPY ({bad_rows}) TO '{job.folder}/bad.parquet' (FORMAT parquet, COMPRESSION zstd)")
        return {"bad": count(f"{job.folder}/bad.parquet")}

    def load():
        bad()
        connection.execute(f"COPY (SELECT {columns} FROM {source} WHERE {good}) TO '{job.folder}/good.parquet' (FORMAT parquet, COMPRESSION zstd)")
        return {"accepted": count(f"{job.folder}/good.parquet"), "quarantined": count(f"{job.folder}/bad.parquet")}

    def count(path):
        return connection.execute(f"SELECT count(*) FROM '{path}'").fetchone()[0]

    return {"counts": counts, "bad": bad, "load": load}


task.main(prepare)
