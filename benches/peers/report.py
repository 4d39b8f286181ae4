"""Results as tables that a person reads: medians, spread, ratios, geometric means."""

import math
import statistics


def warm(cell) -> float | None:
    """The median of the runs after the first."""
    seconds = cell["seconds"]
    if not seconds:
        return None
    return statistics.median(seconds[1:] or seconds)


def geometric_mean(numbers) -> float | None:
    numbers = [number for number in numbers if number]
    return math.exp(statistics.fmean(map(math.log, numbers))) if numbers else None


def markdown(results) -> str:
    """A row a query: the warm median of the first engine in milliseconds, and the others' as a ratio to it."""
    engines, cells = results["engines"], results["cells"]
    base = engines[0]
    lines = [
        f"## {results['suite']}, {results['scale']}",
        "",
        f"{results['date']}, commit {results['commit']}, {results['machine']}; {results['threads']} threads, "
        f"memory {results['memory'] or 'unlimited'}, median of {results['runs'] - 1} warm runs; first touch in brackets.",
        "",
        "| query | " + f"{base} ms | spread | " + " | ".join(f"{engine} ×" for engine in engines[1:]) + " |",
        "|---|" + "---:|" * (len(engines) + 1),
    ]
    for query in results["queries"]:
        lines.append("| " + " | ".join(row(query, cells[query], engines)) + " |")
    means = [geometric_mean(ratios(results, engine)) for engine in engines[1:]]
    lines.append(f"| **geometric mean** | | | " + " | ".join(f"**{mean:.2f}**" if mean else "–" for mean in means) + " |")
    peaks = [max((cells[query][engine]["peak_bytes"] or 0) for query in results["queries"]) for engine in engines]
    lines += ["", "Peak of resident memory over all queries, MB: " + ", ".join(f"{engine} {peak / 1e6:.0f}" for engine, peak in zip(engines, peaks)) + "."]
    notes = [f"- {query}, {engine}: {cells[query][engine]['error'] or cells[query][engine]['difference']}" for query in results["queries"] for engine in engines if cells[query][engine]["error"] or cells[query][engine]["difference"]]
    if notes:
        lines += ["", "Not answered, or answered otherwise:", "", *notes]
    return "\n".join(lines) + "\n"


def row(query, cells, engines):
    base = warm(cells[engines[0]])
    yield query
    if base is None:
        yield "–"
        yield "–"
    else:
        seconds = cells[engines[0]]["seconds"]
        runs = seconds[1:] or seconds
        yield f"{base * 1000:.1f} ({seconds[0] * 1000:.0f})"
        yield f"±{(max(runs) - min(runs)) / 2 / base:.0%}"
    for engine in engines[1:]:
        other = warm(cells[engine])
        yield "–" if base is None or other is None else f"{other / base:.2f}"


def ratios(results, engine):
    """The engine's time as a multiple of the first one's, for each query that both answered alike."""
    for query in results["queries"]:
        cells = results["cells"][query]
        one, other = warm(cells[results["engines"][0]]), warm(cells[engine])
        if one and other and not cells[engine]["difference"]:
            yield other / one
