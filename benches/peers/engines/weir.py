"""weir: a lake over the job's files, the query several times in one process, and the engine's own record of
how long each run took, from its text to its last row."""

import csv
import io
import pathlib
import subprocess

RECORD = "SELECT elapsed_ms, rows_out FROM system.queries ORDER BY started_at"


def prepare(program: pathlib.Path, lake: pathlib.Path, job) -> list[str]:
    """Makes the lake and gives the command line that runs the query on it."""
    subprocess.run([program, "init", lake], check=True, capture_output=True)
    creates = []
    for name, folder in job.tables.items():
        (lake / "data" / "raw").mkdir(parents=True, exist_ok=True)
        (lake / "data" / "raw" / name).symlink_to(folder)
        creates.append(f"CREATE EXTERNAL TABLE raw.{name} STORED AS PARQUET LOCATION '{name}/'")
    options = [str(program), "--lake", str(lake), "--threads", str(job.threads), "--quiet"]
    subprocess.run([*options, "-c", "; ".join(creates)], check=True, capture_output=True)
    if job.memory_bytes:
        options += ["--memory", str(job.memory_bytes)]
    once, often = lake / "once.sql", lake / "often.sql"
    once.write_text(job.statements[0])
    often.write_text(";\n".join([*job.statements, RECORD]))
    if job.answer and job.has_rows:
        subprocess.run([*options, "--format", "parquet", "--output", job.answer, "-f", once], capture_output=True)
    return [*options, "--format", "csv", "-f", str(often)]


def result(text: str) -> dict:
    """The last result is the record, of the runs before it."""
    runs = list(csv.DictReader(io.StringIO(text.rpartition("\n\n")[2])))
    runs = [run for run in runs if run["elapsed_ms"]][:-1]
    return {"seconds": [float(run["elapsed_ms"]) / 1000 for run in runs], "rows": int(runs[-1]["rows_out"] or 0)}
