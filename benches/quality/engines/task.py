"""What the peers' workers share: the job from stdin, the timed runs, what they found to stdout."""

import dataclasses
import json
import pathlib
import sys
import time

import rules


@dataclasses.dataclass(frozen=True)
class Job:
    """A task over a folder of Parquet files."""

    task: str
    data: pathlib.Path
    folder: pathlib.Path  # for what it writes
    rules: list
    runs: int
    threads: int


def main(prepare):
    """`prepare(job)` gives a function a task; each returns what it counted."""
    job = json.load(sys.stdin)
    rules_ = rules.rules(job.pop("number"), job.pop("with_key"))
    job = Job(**{**job, "data": pathlib.Path(job["data"]), "folder": pathlib.Path(job["folder"]), "rules": rules_})
    run = prepare(job)[job.task]
    seconds = []
    for _ in range(job.runs):
        start = time.perf_counter()
        found = run()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds, "found": found}))
