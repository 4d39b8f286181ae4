"""polars, through its own SQL. What its SQL lacks is an error, and shown as one."""

import polars

import timed


def prepare(job):
    frames = {name: polars.scan_parquet(f"{folder}/*.parquet") for name, folder in job["tables"].items()}
    context = polars.SQLContext(frames)
    return lambda statement: context.execute(statement, eager=True).to_arrow()


timed.main(prepare)
