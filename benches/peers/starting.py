"""The suite `startup`: from a program's start to its end, with one answer between them.

Peers that are libraries start within Python, so that `python`, which answers nothing, stands beside them.
"""

import pathlib
import sys
import tempfile

import engines
import environment
from limits import make_lake

COMMAND_LINE = {"duckdb-cli": "1.5.6"}
ENGINES = ["weir", "duckdb-cli", "duckdb", "python"]


def run(arguments, suite) -> dict:
    """Cells by query and engine; a run is a process."""
    questions = {"nothing": "SELECT 1",
        "count": "SELECT count(*) FROM {lineitem}", "key": "SELECT n_name FROM {nation} WHERE n_nationkey = 7"}
    with tempfile.TemporaryDirectory() as folder:
        lake = make_lake(arguments.program, pathlib.Path(folder) / "lake", suite)
        return {
            name: {engine: vars(measured(command(engine, sql, arguments.program, lake, suite), arguments)) for engine in arguments.engines}
            for name, sql in questions.items()
        }


def command(engine, sql, program, lake, suite) -> list[str]:
    files = {name: f"'{folder}/*.parquet'" for name, folder in suite.tables.items()}
    match engine:
        case "weir":
            return [str(program), "--lake", str(lake), "-c", sql.format(**{name: name for name in files})]
        case "duckdb-cli":
            return [str(environment.made("duckdb-cli", COMMAND_LINE) / "bin" / "duckdb"), "-c", sql.format(**files)]
        case "duckdb":
            return [sys.executable, "-c", f"import duckdb; duckdb.sql({sql.format(**files)!r}).fetchall()"]
        case "python":
            return [sys.executable, "-c", "pass"]
    raise SystemExit(f"startup knows no engine {engine}")


def measured(words, arguments) -> engines.Measured:
    each = [engines.timed(words, arguments.limit) for _ in range(arguments.runs)]
    failed = next((one for one in each if one.error), None)
    return failed or engines.Measured([one.seconds[0] for one in each], 1, max(one.peak_bytes for one in each), None)
