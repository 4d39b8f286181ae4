#!/usr/bin/env python3
"""Where a query's time goes: by operator, by function, and as a flame graph.

    benches/profile.py PATH-TO-WEIR --lake DIR "SELECT …"            # a lake that is there
    benches/profile.py PATH-TO-WEIR --tpch 1 q09 [--output q09.svg]  # a query of TPC-H, at that scale
    benches/profile.py PATH-TO-WEIR --hits 1 q23                     # one of hits', at so many million rows

Prints EXPLAIN ANALYZE of the warm query, then the functions that most samples were in, and writes the flame graph
(profile.svg without --output). The query runs again and again in one process for --seconds, so that its start is a
small part. Needs Linux' perf (Debian: linux-perf) and the right to use it (kernel.perf_event_paranoid at most 1, or
root); inferno, which draws, is installed by cargo into the cache folder of benches/peers. Any build of the program
will do; one without names (strip) shows addresses.
"""

import argparse
import collections
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent / "peers")]
import environment  # noqa: E402

INFERNO = "0.12.8"
FREQUENCY = 299
# Bytes of stack kept with a sample: deeper calls lose their outermost frames.
STACK_BYTES = 32768
SHOWN = 25


def inferno() -> pathlib.Path:
    """The folder of its programs, installed at the first use."""
    root = environment.cache() / "tools"
    if not (root / "bin" / "inferno-flamegraph").exists():
        options = ["--no-default-features", "--features", "cli", "--root", root]
        subprocess.run(["cargo", "install", "--quiet", "--locked", *options, f"inferno@{INFERNO}"], check=True)
    return root / "bin"


def by_operator(program, lake, sql):
    # The first run reads the files and footers; the second is the one that is shown.
    twice = f"{sql}; EXPLAIN ANALYZE {sql}"
    done = subprocess.run([program, "--lake", lake, "--quiet", "--format", "table", "-c", twice], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    print(done.stdout[done.stdout.rindex("\n\n") + 2:] if "\n\n" in done.stdout else done.stdout)


def repetitions(program, lake, sql, seconds) -> int:
    """How often the query fits into the time."""
    record = "SELECT elapsed_ms FROM system.queries WHERE state = 'finished' ORDER BY started_at"
    done = subprocess.run([program, "--lake", lake, "--quiet", "--format", "csv", "-c", f"{sql}; EXPLAIN ANALYZE {sql}; {record}"], capture_output=True, text=True, check=True)
    took = float(done.stdout.split()[-1]) / 1000
    return max(1, min(int(seconds / max(took, 0.0005)), 5000))


def recorded(program, lake, sql, times, folder) -> pathlib.Path:
    """The file with the samples, as perf writes them out."""
    script, data = folder / "query.sql", folder / "perf.data"
    # What EXPLAIN ANALYZE runs is the query, drained: no row is written out.
    script.write_text(";\n".join([f"EXPLAIN ANALYZE {sql}"] * times))
    # cpu-clock, because virtual machines often have no counters.
    record = ["perf", "record", "--quiet", "-e", "cpu-clock", "-F", str(FREQUENCY), "--call-graph", f"dwarf,{STACK_BYTES}", "-o", data]
    command = [program, "--lake", lake, "--quiet", "--format", "csv", "--output", folder / "rows.csv", "-f", script]
    done = subprocess.run([*record, *command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"perf record: {done.stderr.strip()}")
    # What is inlined is found by another program, a process an address: minutes.
    written = folder / "perf.txt"
    with written.open("w") as out:
        subprocess.run(["perf", "script", "--no-inline", "-i", data], stdout=out, stderr=subprocess.DEVNULL, check=True)
    return written


def by_function(samples: pathlib.Path):
    """The share of samples that were in a function itself."""
    counts, is_first = collections.Counter(), False
    with samples.open() as lines:
        for line in lines:
            if line and not line[0].isspace():
                is_first = True
            elif is_first and line.strip():
                name = re.sub(r"\+0x[0-9a-f]+$", "", line.strip().partition(" ")[2].rpartition(" (")[0])
                counts[re.sub(r"::h[0-9a-f]{16}$", "", name)] += 1
                is_first = False
    total = counts.total()
    print(f"{total} samples, {FREQUENCY} a second and thread; in the function itself:")
    for name, count in counts.most_common(SHOWN):
        print(f"{count / total:6.1%}  {name[:150]}")


def draw(samples: pathlib.Path, output: pathlib.Path, title: str):
    programs = inferno()
    folded = samples.with_suffix(".folded")
    with folded.open("w") as out:
        subprocess.run([programs / "inferno-collapse-perf", samples], stdout=out, stderr=subprocess.DEVNULL, check=True)
    with output.open("w") as out:
        subprocess.run([programs / "inferno-flamegraph", "--title", title, folded], stdout=out, check=True)
    print(f"flame graph in {output}")


def asked(options, folder):
    """The lake and the query."""
    for name in ("tpch", "hits"):
        scale = getattr(options, name)
        if scale is not None:
            import suites
            from limits import make_lake

            suite = suites.SUITES[name](scale)
            query = next((query for query in suite.queries if query.name == options.query), None)
            return make_lake(options.program, folder / "lake", suite), query.sql if query else sys.exit(f"{name} has no query {options.query}")
    return options.lake, options.query


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("query", help="SQL, or a query's name with --tpch or --hits")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--lake", type=pathlib.Path)
    place.add_argument("--tpch", type=float, metavar="SCALE")
    place.add_argument("--hits", type=float, metavar="MILLIONS")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("profile.svg"))
    options = parser.parse_args()
    if not shutil.which("perf"):
        sys.exit("perf is not here: install it (Debian: apt-get install linux-perf)")
    with tempfile.TemporaryDirectory(dir=environment.cache()) as name:
        folder = pathlib.Path(name)
        lake, sql = asked(options, folder)
        sql = "\n".join(line for line in sql.splitlines() if not line.startswith("--")).strip().rstrip(";")
        by_operator(options.program, lake, sql)
        samples = recorded(options.program, lake, sql, repetitions(options.program, lake, sql, options.seconds), folder)
        by_function(samples)
        draw(samples, options.output, " ".join(sql.split())[:80])


if __name__ == "__main__":
    if "--tpch" in sys.argv or "--hits" in sys.argv:
        environment.enter()
    main()
