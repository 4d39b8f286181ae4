"""The engines: how each is started on a job and what it says of it.

A job is one query, run several times in a process of its own, so that the first touch, the warm runs and the
peak of resident memory belong to that query alone. A peer's worker is the program of its name in this folder:
it reads the job as JSON on stdin and writes `{"seconds": [...], "rows": n}` on stdout.
"""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from . import weir


@dataclasses.dataclass(frozen=True)
class Job:
    """One query on one set of files."""

    tables: dict[str, str]  # name → folder of Parquet files
    sql: str
    runs: int
    threads: int
    memory_bytes: int | None
    answer: str | None  # where the rows of the last run go, as Parquet


@dataclasses.dataclass(frozen=True)
class Measured:
    """What came of a job."""

    seconds: list[float] | None
    rows: int | None
    peak_bytes: int | None
    error: str | None


PEERS = ["duckdb", "duckdb-own", "polars", "datafusion", "chdb"]
NAMES = ["weir", *PEERS]


def run(engine: str, job: Job, program: pathlib.Path, limit_seconds: float) -> Measured:
    """Runs a job to its end, or stops it after `limit_seconds`."""
    if engine == "weir":
        with tempfile.TemporaryDirectory() as lake:
            command = weir.prepare(program, pathlib.Path(lake), job)
            return finish(command, "", {}, limit_seconds, weir.result)
    worker = pathlib.Path(__file__).parent / f"run_{engine.removesuffix('-own').replace('-', '_')}.py"
    environment = {"POLARS_MAX_THREADS": str(job.threads)}
    text = json.dumps({**dataclasses.asdict(job), "own_storage": engine.endswith("-own")})
    return finish([sys.executable, str(worker)], text, environment, limit_seconds, json.loads)


def finish(command, stdin, environment, limit_seconds, read) -> Measured:
    """Waits for a process and reads what it wrote."""
    launcher = pathlib.Path(__file__).parent / "launch.py"
    with tempfile.TemporaryDirectory() as folder:
        peak = pathlib.Path(folder) / "peak"
        process = subprocess.run(
            [sys.executable, launcher, peak, str(limit_seconds), *command],
            input=stdin, capture_output=True, text=True, env={**os.environ, **environment},
        )
        peak_bytes = int(peak.read_text())
    if process.returncode == 137:
        return Measured(None, None, peak_bytes, f"killed, after {limit_seconds:.0f} s at most")
    if process.returncode != 0:
        lines = process.stderr.strip().splitlines() or [f"exit {process.returncode}"]
        return Measured(None, None, peak_bytes, lines[-1][:300])
    measured = read(process.stdout)
    return Measured(measured["seconds"], measured["rows"], peak_bytes, None)
