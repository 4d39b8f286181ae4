"""weir beside its peers: one command installs them, makes the data, runs them in turn and checks their answers.

    python3 benches/peers tpch --scale 1 --program target/release/weir        # the 22 queries of TPC-H
    python3 benches/peers hits --scale 10 --program target/release/weir       # 43 queries like ClickBench's
    python3 benches/peers tpch --memory 512MB --program target/release/weir   # within so much memory
    python3 benches/peers startup --program target/release/weir               # whole processes
    python3 benches/peers concurrency --program target/release/weir           # 1, 4 and 16 clients
    python3 benches/peers write --program target/release/weir                 # files, and tables of their own
    python3 benches/peers seed --program target/release/weir                  # the figures that the design began with
    python3 benches/peers kernels                                             # the criterion benches of this house
    python3 benches/peers show [FILE…] [--of memory]                          # kept runs, as tables
    python3 benches/peers ratios [NEW [OLD]]                                  # a run beside an earlier one like it
    python3 benches/peers remove                                              # all data that suites have made

Every engine reads the same files with the same threads and memory. The engines take turns query by query, so
that a noisy minute falls on all of them. A run is kept in benches/results, with versions, commit and machine.
"""

import argparse
import pathlib
import re
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import environment  # noqa: E402
import kept  # noqa: E402

SUITES = ["tpch", "hits", "write", "seed", "startup", "concurrency", "kernels"]


def main():
    arguments = parse()
    match arguments.what:
        case "show":
            return kept.show(arguments.files or kept.newest(arguments.results), arguments.of)
        case "ratios":
            return kept.ratios(arguments.files, arguments.results)
        case "remove":
            return remove()
    if arguments.what != "kernels":
        environment.enter()
    measured(arguments)


def measured(arguments):
    suite, cells = run(arguments)
    results = {**kept.circumstances(arguments, suite), "queries": list(cells), "cells": cells}
    if suite is not None:
        results["marks"] = {query.name: query.mark for query in suite.queries if query.mark and query.name in cells}
    earlier = kept.like(results, kept.runs(arguments.results))
    file = None if arguments.queries else kept.keep(results, arguments.results)
    kept.tell(results)
    if earlier:
        kept.beside(results, earlier[-1])
    if file:
        print(f"\nkept as {file.name}")


def run(arguments):
    """The suite's data and the cells of a run."""
    import concurrency
    import kernels
    import starting
    import suites

    others = {"startup": starting, "concurrency": concurrency, "kernels": kernels}
    other = others.get(arguments.what)
    suite = None if other is kernels else suites.SUITES["tpch" if other else arguments.what](arguments.scale)
    arguments.engines = arguments.engines or (other.ENGINES if other else suite.engines)
    if other:
        return suite, other.run(arguments, suite)
    chosen = [query for query in suite.queries if not arguments.queries or query.name in arguments.queries]
    with tempfile.TemporaryDirectory(dir=environment.cache()) as folder:
        return suite, {query.name: answered(suite, query, arguments, pathlib.Path(folder)) for query in chosen}


def answered(suite, query, arguments, folder):
    """Every engine on one query; the first that answers is what the others are compared with."""
    import compare
    import engines

    cells, expected = {}, None
    for engine in arguments.engines:
        sql, difference = query.of(engine), None
        if sql is None:
            cells[engine] = {**vars(engines.Measured(None, None, None, None)), "difference": None}
            continue
        answer = folder / f"{query.name}-{engine}.parquet"
        job = engines.Job(suite.tables, sql, arguments.runs, arguments.threads, arguments.memory, str(answer), query.words is None)
        measured = engines.run(engine, job, arguments.program, arguments.limit)
        if measured.error is None and expected is not None and query.compare != "nothing":
            difference = compare.difference(expected, answer, query.compare)
        if measured.error is None and expected is None:
            expected = answer
        cells[engine] = {**vars(measured), "difference": difference}
        took = "–" if measured.error else f"{min(measured.seconds) * 1000:.1f} ms"
        print(f"{query.name} {engine}: {took} {measured.error or difference or ''}", file=sys.stderr, flush=True)
    # What was written can be as large as what was read.
    for written in folder.iterdir():
        shutil.rmtree(written) if written.is_dir() else written.unlink()
    return cells


def remove():
    for suite in ("tpch", "hits", "seed"):
        for folder in environment.cache().glob(f"{suite}-*"):
            shutil.rmtree(folder)
            print(f"removed {folder.name}")


def size(text: str) -> int:
    found = re.fullmatch(r"(\d+)([KMG]?)B?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"no size: {text}")
    return int(found[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[found[2]]


def parse():
    parser = argparse.ArgumentParser(prog="benches/peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*SUITES, "show", "ratios", "remove"])
    parser.add_argument("files", nargs="*", type=pathlib.Path, help="show, ratios: kept runs; without them, the newest")
    parser.add_argument("--program", type=lambda path: pathlib.Path(path).resolve(), help="weir, built in release")
    parser.add_argument("--scale", type=float, default=1, help="TPC-H's scale factor; hits: millions of rows; seed: a share of its size")
    parser.add_argument("--engines", type=lambda text: text.split(","), help="these alone; ratios are to the first")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", type=size, help="what an engine may use, such as 512MB; without it, as much as it takes")
    parser.add_argument("--runs", type=int, default=6, help="how often a query runs; the first is not counted as warm")
    parser.add_argument("--seconds", type=float, default=3, help="concurrency: how long a run is")
    parser.add_argument("--limit", type=float, default=120, help="seconds after which a query's process is stopped")
    parser.add_argument("--queries", type=lambda text: text.split(","), help="these alone (q01,q02 …), shown and not kept")
    parser.add_argument("--of", choices=["time", "memory"], default="time", help="show: time, or the peak of resident memory")
    parser.add_argument("--commit", help="what the program was built from, if that is not this checkout")
    parser.add_argument("--results", type=pathlib.Path, default=HERE.parent / "results")
    arguments = parser.parse_args()
    if arguments.what in SUITES and arguments.what != "kernels" and not arguments.program:
        parser.error(f"{arguments.what} needs --program")
    if arguments.files and arguments.what in SUITES:
        parser.error(f"{arguments.what} takes no files")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
