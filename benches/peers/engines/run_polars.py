"""polars, through its own SQL. What its SQL lacks is an error, and shown as one."""

import polars

import timed


def prepare(job):
    frames = {name: polars.scan_parquet(f"{folder}/*.parquet") for name, folder in job["tables"].items()}
    context = polars.SQLContext(frames)
    sql = job["sql"].strip().rstrip(";")
    return lambda: context.execute(sql, eager=True).to_arrow()


timed.main(prepare)
