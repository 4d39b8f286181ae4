"""Quality rules beside their peers: one command installs them, makes the data, compares the answers, then times.

    python3 benches/quality --program target/release/weir [--scale 1] [--runs 3] [--sweep]

TPC-H's lineitem with defects in one per cent of the rows, and twenty rules. Three tasks: `counts` (how many rows
break each rule), `bad` (those rows, with their reasons, written to a file) and `load` (the good rows to one place,
the bad ones to another). Answers that differ stop it before anything is timed; then the engines take turns, and
medians are printed with their ratio to weir. `--sweep` goes from 1 to 100 rules and from 0 to 50 per cent of bad
rows instead.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "engines"), str(HERE.parent / "peers")]
import environment  # noqa: E402

PACKAGES = {
    "duckdb": "2.0.0",
    "polars": "2.1.0",
    "dataframely": "3.1.2",
    "soda-duckdb": "4.28.0",
    "great-expectations": "1.24.1",
    "pyarrow": "26.0.1",
    "tpchgen-cli": "4.0.0",
}
TASKS = {"counts": ["duckdb", "dataframely", "soda", "gx"], "bad": ["duckdb", "dataframely", "gx"], "load": ["duckdb", "dataframely"]}


def main():
    arguments = parse()
    import data

    if arguments.sweep:
        folder = data.lineitem(arguments.scale, 1)
        for number in (1, 5, 10, 20, 50, 100):
            measure(arguments, folder, number, f"{number} rules, 1 % bad", arguments.engines or ["duckdb", "dataframely"])
        for bad in (0, 1, 10, 50):
            folder = data.lineitem(arguments.scale, bad)
            measure(arguments, folder, 20, f"20 rules, {bad} % bad", arguments.engines or ["duckdb", "dataframely"])
    else:
        folder = data.lineitem(arguments.scale, arguments.bad)
        measure(arguments, folder, arguments.rules, f"{arguments.rules} rules, {arguments.bad:g} % bad", arguments.engines)


def measure(arguments, folder, number, title, engines):
    """All tasks over one file and so many rules."""
    import lake
    import rules

    print(f"\n## {title}\n\n| task | engine | median s | × weir | peak MB |\n|---|---|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        ours = lake.Lake(arguments.program, f"{scratch}/lake", folder, rules.rules(number), arguments.threads)
        for task in arguments.tasks:
            peers = [engine for engine in TASKS[task] if not engines or engine in engines]
            expected = {**ours.counts()[0], **getattr(ours, task)()[0]}
            times = {engine: [] for engine in ["weir", *peers]}
            peaks = {}
            for engine in peers:
                found = peer(engine, task, folder, number, arguments, scratch)["found"]
                wrong = {name: (expected.get(name), count) for name, count in found.items() if expected.get(name) != count}
                if wrong:
                    sys.exit(f"{task}: {engine} counts otherwise (weir's count first): {wrong}")
            for _ in range(arguments.runs):
                times["weir"].append(getattr(ours, task)()[1])
                for engine in peers:
                    measured = peer(engine, task, folder, number, arguments, scratch)
                    times[engine] += measured["seconds"]
                    peaks[engine] = max(peaks.get(engine, 0), measured["peak"])
            if task == "load":
                loads(ours, times, arguments.runs)
            base = statistics.median(times["weir"])
            for engine, taken in times.items():
                median = statistics.median(taken)
                peak = f"{peaks[engine] / 1e6:.0f}" if engine in peaks else ""
                print(f"| {task} | {engine} | {median:.2f} | {median / base:.2f} | {peak} |", flush=True)


def loads(ours, times, runs):
    """The same load without rules, and with row rules alone."""
    rows = [rule for rule in ours.rules if not rule.unique]
    for _ in range(runs):
        times.setdefault("weir, no rules", []).append(ours.load([])[1])
        times.setdefault("weir, row rules alone", []).append(ours.load(rows)[1])


def peer(engine, task, folder, number, arguments, scratch):
    """One run of a peer in a process of its own."""
    job = {"task": task, "data": str(folder), "folder": scratch, "number": number, "with_key": True, "runs": 1, "threads": arguments.threads}
    peak = pathlib.Path(scratch) / "peak"
    launcher = HERE.parent / "peers" / "engines" / "launch.py"
    process = subprocess.run(
        [sys.executable, launcher, peak, str(arguments.limit), sys.executable, HERE / "engines" / f"run_{engine}.py"],
        input=json.dumps(job), capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(HERE), "POLARS_MAX_THREADS": str(arguments.threads)},
    )
    if process.returncode:
        sys.exit(f"{engine} failed: {process.stderr[-2000:]}")
    return {**json.loads(process.stdout.strip().splitlines()[-1]), "peak": int(peak.read_text())}


def parse():
    parser = argparse.ArgumentParser(prog="benches/quality", description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=lambda path: pathlib.Path(path).resolve(), required=True, help="weir, built in release")
    parser.add_argument("--scale", type=float, default=1, help="TPC-H's scale factor")
    parser.add_argument("--bad", type=float, default=1, help="per cent of the rows that are spoilt")
    parser.add_argument("--rules", type=int, default=20)
    parser.add_argument("--tasks", type=lambda text: text.split(","), default=list(TASKS))
    parser.add_argument("--engines", type=lambda text: text.split(","), help="these peers alone")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=900, help="seconds after which a peer is stopped")
    parser.add_argument("--sweep", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    environment.enter("quality-environment", PACKAGES)
    main()
