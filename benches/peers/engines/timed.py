"""What the peers' workers share: the job from stdin, the runs, the answer to a file."""

import json
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq


def main(prepare):
    """`prepare(job)` gives a function that runs a statement and returns its rows as an Arrow table."""
    job = json.load(sys.stdin)
    query = prepare(job)
    seconds = []
    for statement in job["statements"]:
        start = time.perf_counter()
        table = query(statement)
        seconds.append(time.perf_counter() - start)
    if job["answer"] and job["has_rows"]:
        pq.write_table(plain(table), job["answer"])
    json.dump({"seconds": seconds, "rows": table.num_rows if job["has_rows"] else 0}, sys.stdout)


def plain(table):
    """The table with every column under a name of its own, so that any engine's answer can be stored."""
    names = [name if table.column_names.count(name) == 1 else f"{name}_{index}" for index, name in enumerate(table.column_names)]
    return pa.table(dict(zip(names, table.columns)))
