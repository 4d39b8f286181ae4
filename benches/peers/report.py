"""Results as tables that a person reads: medians, spread, ratios, geometric means."""

import math
import statistics

EMPTY = {"seconds": None, "peak_bytes": None, "error": None, "difference": None}


def warm(cell) -> float | None:
    """The median of the runs after the first."""
    seconds = cell["seconds"]
    if not seconds:
        return None
    return statistics.median(seconds[1:] or seconds)


def geometric_mean(numbers) -> float | None:
    numbers = [number for number in numbers if number]
    return math.exp(statistics.fmean(map(math.log, numbers))) if numbers else None


def markdown(results, of: str = "time") -> str:
    """A row a query: the first engine's figure, and the others' as a ratio to it."""
    own = {"concurrency": rates, "kernels": estimates}
    rows = memory if of == "memory" else own.get(results["suite"], times)
    lines = [*head(results), *rows(results), *marks(results)]
    notes = [f"- {query}, {engine}: {wrong}" for query in results["queries"] for engine in results["engines"] if (wrong := wrongs(cell(results, query, engine)))]
    if notes:
        lines += ["", "Not answered, or answered otherwise:", "", *notes]
    return "\n".join(lines) + "\n"


def cell(results, query, engine):
    return results["cells"][query].get(engine, EMPTY)


def wrongs(found):
    return found.get("error") or found.get("difference")


def head(results):
    machine = results["machine"]
    memory_limit = f"{results['memory'] / (1 << 20):.0f} MB" if results["memory"] else "unlimited"
    yield f"## {results['suite']} {results['scale']}"
    yield ""
    yield f"{results['date']}, commit {results['commit']}; {machine['cores']} × {machine['processor']}, {machine['memory_gb']} GB, {machine['system']}."
    using = "" if results["suite"] == "kernels" else f"{results['threads']} threads, memory {memory_limit}; "
    yield using + ", ".join(f"{name} {version.removeprefix(name).strip()}" for name, version in results["versions"].items()) + "."
    yield ""


def times(results):
    """Warm medians in milliseconds."""
    engines = results["engines"]
    yield f"Median of {max(results['runs'] - 1, 1)} warm runs; first touch in brackets."
    yield ""
    yield "| query | " + f"{engines[0]} ms | spread | " + " | ".join(f"{engine} ×" for engine in engines[1:]) + " |"
    yield "|---|" + "---:|" * (len(engines) + 1)
    for query in results["queries"]:
        yield f"| {query} | {timed(cell(results, query, engines[0]))} | " + " | ".join(multiples(results, query, warm)) + " |"
    yield "| **geometric mean** | | | " + " | ".join(means(results, warm)) + " |"
    peaks = [max((cell(results, query, engine)["peak_bytes"] or 0) for query in results["queries"]) for engine in engines]
    if any(peaks):
        yield ""
        yield "Peak of resident memory over all queries, MB: " + ", ".join(f"{engine} {peak / 1e6:.0f}" for engine, peak in zip(engines, peaks)) + "."


def estimates(results):
    """Medians in microseconds, and how far their intervals reach."""
    yield "| bench | µs | interval |"
    yield "|---|---:|---:|"
    for query in results["queries"]:
        middle, low, _, high = cell(results, query, "weir")["seconds"]
        yield f"| {query} | {middle * 1e6:.1f} | ±{(high - low) / 2 / middle:.1%} |"


def timed(found) -> str:
    middle = warm(found)
    if middle is None:
        return "– | –"
    seconds = found["seconds"]
    runs = seconds[1:] or seconds
    digits = 1 if middle > 0.001 else 4
    return f"{middle * 1000:.{digits}f} ({seconds[0] * 1000:.{0 if digits == 1 else 4}f}) | ±{(max(runs) - min(runs)) / 2 / middle:.0%}"


def memory(results):
    """The most resident memory of a query's process."""
    engines = results["engines"]
    yield "| query | " + f"{engines[0]} MB | " + " | ".join(f"{engine} ×" for engine in engines[1:]) + " |"
    yield "|---|" + "---:|" * len(engines)
    for query in results["queries"]:
        peak = cell(results, query, engines[0])["peak_bytes"]
        yield f"| {query} | {f'{peak / 1e6:.0f}' if peak else '–'} | " + " | ".join(multiples(results, query, held)) + " |"
    yield "| **geometric mean** | | " + " | ".join(means(results, held)) + " |"


def held(found):
    return found["peak_bytes"]


def rates(results):
    """Statements a second, and rows: more is better, in the ratios too."""
    engines = results["engines"]
    yield "Statements a second over all clients. weir: processes, over Flight SQL; DuckDB: threads in its own process."
    yield ""
    yield "| question-clients | " + f"{engines[0]} a second | rows a second | " + " | ".join(f"{engine} ×" for engine in engines[1:]) + " |"
    yield "|---|" + "---:|" * (len(engines) + 1)
    for query in results["queries"]:
        found = cell(results, query, engines[0])
        middle = warm(found)
        told = f"{1 / middle:.1f} | {(found['rows'] or 0) / middle:.0f}" if middle else "– | –"
        yield f"| {query} | {told} | " + " | ".join(multiples(results, query, frequency)) + " |"


def frequency(found):
    return 1 / middle if (middle := warm(found)) else None


def multiples(results, query, figure):
    base = figure(cell(results, query, results["engines"][0]))
    for engine in results["engines"][1:]:
        other = figure(cell(results, query, engine))
        yield f"{other / base:.2f}" if base and other else "–"


def means(results, figure):
    """For each engine, over the queries that it and the first one answered alike."""
    first, *others = results["engines"]
    for engine in others:
        pairs = [(figure(cell(results, query, first)), figure(cell(results, query, engine))) for query in results["queries"] if not wrongs(cell(results, query, engine))]
        mean = geometric_mean(other / base for base, other in pairs if base and other)
        yield f"**{mean:.2f}**" if mean else "–"


def marks(results):
    """What was promised of weir beside what it took."""
    if not results.get("marks"):
        return
    yield ""
    for query, (seconds, peak_bytes) in results["marks"].items():
        found = cell(results, query, "weir")
        middle, peak = warm(found), found["peak_bytes"]
        if middle:
            is_met = middle <= seconds and peak <= peak_bytes
            yield f"- {query}: {middle:.2f} s and {peak / 1e6:.0f} MB; at most {seconds} s and {peak_bytes / 1e6:.0f} MB{'' if is_met else ' — MISSED'}"
