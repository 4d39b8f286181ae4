"""The engines: how each is started on a job and what it says of it.

A job is one query, run several times in a process of its own, so that the first touch, the warm runs and the
peak of resident memory belong to that query alone. A peer's worker is the program of its name in this folder:
it reads the job as JSON on stdin and writes `{"seconds": [...], "rows": n}` on stdout.
"""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from . import weir
from .rate import rate as rate


@dataclasses.dataclass(frozen=True)
class Job:
    """One query on one set of files."""

    tables: dict[str, str]  # name → folder of Parquet files
    sql: str  # `{out}` in it is a new path in each run
    runs: int
    threads: int
    memory_bytes: int | None
    answer: str | None  # where the rows of the last run go, as Parquet
    has_rows: bool = True  # whether the statement gives rows; one that writes gives none

    @property
    def statements(self) -> list[str]:
        """The words of each run. A run before the last leaves nothing that the next one reads."""
        sql = self.sql.strip().rstrip(";")
        return [sql.replace("{out}", f"{self.answer}.{run}") for run in range(self.runs)]

    def settle(self) -> None:
        """What the last run has written becomes the answer; what the others have goes."""
        for run in range(self.runs):
            written = pathlib.Path(f"{self.answer}.{run}")
            if written.is_dir() and run < self.runs - 1:
                shutil.rmtree(written)
            elif written.exists() and run < self.runs - 1:
                written.unlink()
            elif written.exists():
                written.rename(self.answer)


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
    measured = started(engine, job, program, limit_seconds)
    if "{out}" in job.sql:
        job.settle()
    return measured


def started(engine, job, program, limit_seconds) -> Measured:
    if engine == "weir":
        with tempfile.TemporaryDirectory() as lake:
            command = weir.prepare(program, pathlib.Path(lake), job)
            return finish(command, "", {}, limit_seconds, weir.result)
    worker = pathlib.Path(__file__).parent / f"run_{engine.removesuffix('-own').replace('-', '_')}.py"
    environment = {"POLARS_MAX_THREADS": str(job.threads)}
    text = json.dumps({**dataclasses.asdict(job), "statements": job.statements, "own_storage": engine.endswith("-own")})
    return finish([sys.executable, str(worker)], text, environment, limit_seconds, json.loads)


def finish(command, stdin, environment, limit_seconds, read) -> Measured:
    """Waits for a process and reads what it wrote."""
    code, output, errors, peak_bytes, _ = waited(command, stdin, environment, limit_seconds)
    if code != 0:
        return Measured(None, None, peak_bytes, failure(code, errors, limit_seconds))
    measured = read(output)
    return Measured(measured["seconds"], measured["rows"], peak_bytes, None)


def timed(command, limit_seconds) -> Measured:
    """A process from its start to its end."""
    code, _, errors, peak_bytes, took = waited(command, "", {}, limit_seconds)
    return Measured([took], 1, peak_bytes, failure(code, errors, limit_seconds) if code else None)


def waited(command, stdin, environment, limit_seconds) -> tuple[int, str, str, int, float]:
    """Exit code, output, errors, the most resident memory in bytes, and the seconds of a process."""
    launcher = pathlib.Path(__file__).parent / "launch.py"
    with tempfile.TemporaryDirectory() as folder:
        figures = pathlib.Path(folder) / "figures"
        process = subprocess.run(
            [sys.executable, launcher, figures, str(limit_seconds), *command],
            input=stdin, capture_output=True, text=True, env={**os.environ, **environment},
        )
        peak_bytes, took = figures.read_text().split()
        return process.returncode, process.stdout, process.stderr, int(peak_bytes), float(took)


def failure(code: int, errors: str, limit_seconds: float) -> str:
    """Why a process did not end well, without the places of this machine."""
    if code in (137, -9):
        return f"killed, after {limit_seconds:.0f} s at most"
    lines = errors.strip().splitlines() or [f"exit {code}"]
    line = next((line for line in lines if re.match(r"error\[|[\w.]+(Error|Exception): ", line)), lines[-1])
    return re.sub(r"(?<![\w.:/])/[^\s'\":]*/", "", line)[:300]


def quietly(command) -> None:
    """Runs what has to succeed, and says what went wrong if it does not."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
