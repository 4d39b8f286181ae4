"""Runs that are kept: one JSON file each, with what they were made of, and how one compares with another.

Names of machines and places on them are no part of a run. Two runs are alike if suite, scale, threads and memory
are; where the machines differ too, the change of a peer's time says what is the machine's.
"""

import datetime
import json
import pathlib
import platform
import subprocess
import sys

import environment
import report
import starting

HERE = pathlib.Path(__file__).resolve().parent
# Slower than before by more than this, in geometric mean or in one query beyond its spread, is called slower.
MEAN, ONE = 1.05, 1.15


def circumstances(arguments, suite) -> dict:
    """What a run was made of and with."""
    versions = {"rustc": told(["rustc", "--version"])} if suite is None else {**environment.PACKAGES, "weir": told([arguments.program, "--version"])}
    if arguments.what == "startup":
        versions |= starting.COMMAND_LINE
    return {
        "suite": arguments.what, "scale": suite.scale if suite else "", "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H%MZ"),
        "commit": arguments.commit or told(["git", "-C", HERE, "describe", "--always", "--dirty"]), "machine": machine(), "versions": versions,
        "engines": arguments.engines, "threads": arguments.threads, "memory": arguments.memory, "runs": arguments.runs,
    }


def told(command) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def machine() -> dict:
    """Its processor, cores, memory and system."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = next(line for line in pathlib.Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {
        "processor": models[0] if models else platform.machine(), "cores": len(models) or None,
        "memory_gb": round(int(memory.split()[1]) / 1e6), "system": platform.system(),
    }


def keep(results, folder: pathlib.Path) -> pathlib.Path:
    """Writes a run to a file of its own, a line a query."""
    folder.mkdir(parents=True, exist_ok=True)
    scale = results["scale"].replace(" ", "-").lower()
    memory = f"{results['memory'] >> 20}mb" if results["memory"] else ""
    name = "-".join(filter(None, [results["date"], results["suite"], scale, memory]))
    head = {key: value for key, value in results.items() if key != "cells"}
    rows = [f"  {json.dumps(query)}: {json.dumps(rounded(cells))}" for query, cells in results["cells"].items()]
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    text = ",\n".join([*lines, ' "cells": {\n' + ",\n".join(rows) + "\n }"])
    file = folder / f"{name}.json"
    file.write_text("{\n" + text + "\n}\n")
    return file


def rounded(cells):
    """Cells without the digits that mean nothing."""
    return {
        engine: {key: value for key, value in {**cell, "seconds": cell["seconds"] and [float(f"{second:.4g}") for second in cell["seconds"]]}.items() if value is not None}
        for engine, cell in cells.items()
    }


def load(file: pathlib.Path) -> dict:
    results = json.loads(file.read_text())
    whole = {"seconds": None, "rows": None, "peak_bytes": None, "error": None, "difference": None}
    results["cells"] = {query: {engine: {**whole, **cell} for engine, cell in cells.items()} for query, cells in results["cells"].items()}
    return results


def runs(folder: pathlib.Path) -> list[dict]:
    """Every kept run, the oldest first."""
    return sorted(map(load, folder.glob("*.json")), key=lambda results: results["date"])


def newest(folder: pathlib.Path) -> list[pathlib.Path]:
    files = sorted(folder.glob("*.json"))
    if not files:
        sys.exit("no run is kept yet")
    return files[-1:]


def like(results, others) -> list[dict]:
    """Those that measured the same, before it."""
    same = ("suite", "scale", "threads", "memory")
    return [other for other in others if other["date"] < results["date"] and all(other[key] == results[key] for key in same)]


def tell(results, of="time") -> None:
    print(report.markdown(results, of))


def show(files, of) -> None:
    for file in files:
        tell(load(file), of)


def ratios(files, folder: pathlib.Path) -> int:
    """Tells each newest run beside the one before it that is like it, or the two that are named. 1 if one is slower."""
    if len(files) > 2:
        sys.exit("ratios takes a run and an earlier one")
    if len(files) == 2:
        return int(beside(load(files[0]), load(files[1])))
    every = runs(folder)
    newer = [load(files[0])] if files else [run for run in every if not any(run in like(other, every) for other in every)]
    slower = []
    for run in newer:
        earlier = like(run, every)
        if earlier:
            slower.append(beside(run, earlier[-1]))
        else:
            print(f"{run['suite']} {run['scale']} of {run['date']}: nothing like it is kept from before")
    return int(any(slower))


def beside(new, old) -> bool:
    """Tells how many times its time of `old` each engine took in `new`; whether weir got slower."""
    shared = [engine for engine in new["engines"] if engine in old["engines"]]
    print(f"\n## {new['suite']} {new['scale']}: {new['date']} ({new['commit']}) as a multiple of {old['date']} ({old['commit']})\n")
    moved = new["machine"] != old["machine"]
    changed = [f"{name} {old['versions'].get(name)} → {version}" for name, version in new["versions"].items() if old["versions"].get(name) != version]
    notes = [*(["another machine: look at the peers' change too"] if moved else []), *changed]
    print("\n".join([*notes, ""]) if notes else "", end="\n" if notes else "")
    print("| query | " + " | ".join(f"{engine} ×" for engine in shared) + " |\n|---|" + "---:|" * len(shared))
    changes = {query: {engine: change(new, old, query, engine) for engine in shared} for query in new["queries"] if query in old["cells"]}
    for query, found in changes.items():
        print(f"| {query} | " + " | ".join(f"{ratio:.2f}" if ratio else "–" for ratio in found.values()) + " |")
    means = {engine: report.geometric_mean([found[engine] for found in changes.values()]) for engine in shared}
    print("| **geometric mean** | " + " | ".join(f"**{mean:.2f}**" if mean else "–" for mean in means.values()) + " |")
    return verdict(new, old, changes, means.get("weir"))


def verdict(new, old, changes, mean) -> bool:
    lost = [query for query in changes if new["cells"][query].get("weir", {}).get("error") and not old["cells"][query].get("weir", {}).get("error")]
    slower = [query for query, found in changes.items() if (found.get("weir") or 0) > ONE and is_apart(new, old, query)]
    is_slower = bool(lost or slower or (mean or 0) > MEAN)
    told = [*(f"{query} is not answered any more" for query in lost), *(f"{query} {changes[query]['weir']:.2f} ×" for query in slower)]
    print(f"\n{'slower' if is_slower else 'not slower'} than before" + (f": {', '.join(told)}" if told else ""))
    return is_slower


def is_apart(new, old, query) -> bool:
    """Whether weir's fastest warm run took longer than its slowest one before."""
    now, before = (results["cells"][query]["weir"]["seconds"] for results in (new, old))
    return min(now[1:] or now) > max(before[1:] or before)


def change(new, old, query, engine) -> float | None:
    now, before = (report.warm(results["cells"][query].get(engine, {"seconds": None})) for results in (new, old))
    return now / before if now and before else None
