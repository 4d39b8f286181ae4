"""weir beside its peers: one command installs them, makes the data, runs them in turn and checks their answers.

    python3 benches/peers --program target/release/weir tpch --scale 1
    python3 benches/peers --program target/release/weir hits --scale 10

Every engine reads the same files with the same threads and memory. The engines take turns query by query, so
that a noisy minute falls on all of them. A result is kept in benches/results, with versions, commit and machine.
"""

import argparse
import datetime
import json
import pathlib
import platform
import subprocess
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent / "engines")]
import environment  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


def main():
    arguments = parse()
    import engines
    import report
    import suites

    suite = suites.SUITES[arguments.suite](arguments.scale)
    chosen = [query for query in suite.queries if not arguments.queries or query.name in arguments.queries]
    results = {
        "suite": suite.name, "scale": suite.scale, "engines": arguments.engines, "threads": arguments.threads,
        "memory": arguments.memory, "runs": arguments.runs, "date": datetime.date.today().isoformat(),
        "commit": commit(), "machine": machine(), "versions": {**environment.PACKAGES, "weir": version(arguments.program)},
        "queries": [query.name for query in chosen], "cells": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        for query in chosen:
            results["cells"][query.name] = measure(engines, suite, query, arguments, pathlib.Path(folder))
    text = report.markdown(results)
    print(text)
    if not arguments.queries:
        keep(results, text, arguments)


def measure(engines, suite, query, arguments, folder):
    """Every engine on one query; the first that answers is what the others are compared with."""
    import compare

    cells, expected = {}, None
    for engine in arguments.engines:
        answer = folder / f"{query.name}-{engine}.parquet"
        job = engines.Job(suite.tables, query.sql, arguments.runs, arguments.threads, arguments.memory, str(answer))
        measured = engines.run(engine, job, arguments.program, arguments.limit)
        difference = None
        if measured.error is None and expected is not None:
            difference = compare.difference(expected, answer, query.compare)
        if measured.error is None and expected is None:
            expected = answer
        cells[engine] = {**vars(measured), "difference": difference}
        took = "–" if measured.error else f"{min(measured.seconds) * 1000:.1f} ms"
        print(f"{query.name} {engine}: {took} {measured.error or difference or ''}", file=sys.stderr, flush=True)
    return cells


def keep(results, text, arguments):
    folder = arguments.results
    folder.mkdir(parents=True, exist_ok=True)
    scale = results["scale"].replace(" ", "-").lower()
    stem = f"{results['date']}-{results['suite']}-{scale}"
    (folder / f"{stem}.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / f"{stem}.md").write_text(text)


def commit():
    return subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()


def version(program):
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def machine():
    names = [line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return f"{len(names)} × {names[0] if names else platform.processor()}, {platform.system()} {platform.release()}"


def parse():
    parser = argparse.ArgumentParser(prog="benches/peers", description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=lambda path: pathlib.Path(path).resolve(), required=True, help="weir, built in release")
    parser.add_argument("--engines", type=lambda text: text.split(","), default="weir,datafusion,duckdb,duckdb-own,polars,chdb".split(","))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", type=int, help="bytes that an engine may use; without it, as much as it takes")
    parser.add_argument("--runs", type=int, default=6, help="how often a query runs; the first is not counted as warm")
    parser.add_argument("--limit", type=float, default=120, help="seconds after which a query's process is stopped")
    parser.add_argument("--results", type=pathlib.Path, default=HERE.parent / "results")
    parser.add_argument("suite", choices=["tpch", "hits"])
    parser.add_argument("--scale", type=float, default=1, help="TPC-H: the scale factor; hits: millions of rows")
    parser.add_argument("--queries", type=lambda text: text.split(","), help="these alone (q01,q02 …), shown and not kept")
    return parser.parse_args()


if __name__ == "__main__":
    environment.enter()
    main()
