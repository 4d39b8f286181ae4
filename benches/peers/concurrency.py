"""The suite `concurrency`: how many statements a second 1, 4 and 16 clients get answered together.

weir serves and each client is a process that speaks Flight SQL; DuckDB, which has no server, is a library, and each
client a thread of its process with a cursor. The difference is part of what is compared, and is named in the
report. `seconds` of a cell are seconds a statement over all clients, a number a round, so that less is better here too.
weir within one process, without a network, is what the bench `operators` measures as `sessions`.
"""

import json
import multiprocessing
import pathlib
import sys
import tempfile

import engines
from limits import Server, make_lake

CLIENTS = [1, 4, 16]
ENGINES = ["weir", "duckdb", "duckdb-own"]
LATER = 60

# weir's table is one of its own, sorted by its key; `records` is how many rows a statement gives.
QUESTIONS = {
    "point": ("SELECT o_orderkey, o_custkey, o_totalprice FROM {orders} WHERE o_orderkey = {key}", 1),
    "thousand": ("SELECT o_orderkey, o_custkey, o_totalprice FROM {orders} WHERE o_orderkey BETWEEN {key} AND {key} + 3999", 1000),
    "aggregate": ("SELECT o_orderpriority, count(*), sum(o_totalprice) FROM {orders} WHERE o_orderkey > {key} GROUP BY 1", 5),
    "insert": ("INSERT INTO {taken} VALUES ({key}, 'one record')", 1),
}
TAKEN = "CREATE TABLE {taken} (k BIGINT, t VARCHAR)"


def run(arguments, suite) -> dict:
    highest = int(float(suite.scale.removeprefix("SF")) * 6_000_000)
    rounds = {engine: rates(engine, arguments, suite, highest) for engine in arguments.engines}
    names = [f"{name}-{clients}" for name in QUESTIONS for clients in CLIENTS]
    return {name: {engine: rounds[engine].get(name, missing()) for engine in arguments.engines} for name in names}


def missing() -> dict:
    return vars(engines.Measured(None, None, None, None))


def rates(engine, arguments, suite, highest) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        if engine == "weir":
            return served(arguments, suite, pathlib.Path(folder), highest)
        return embedded(engine, arguments, suite, pathlib.Path(folder), highest)


def cell(each, records, peak_bytes) -> dict:
    """Of rounds, each a number of statements a second."""
    return vars(engines.Measured([1 / rate if rate else None for rate in each], records, peak_bytes, None if all(each) else "no statement ended"))


def served(arguments, suite, folder, highest):
    lake = make_lake(arguments.program, folder / "lake", suite)
    taken = TAKEN.format(taken="processed.taken")
    sql = f"CREATE TABLE processed.orders SORTED BY (o_orderkey) AS SELECT * FROM raw.orders; {taken}"
    engines.quietly([arguments.program, "--lake", lake, "--quiet", "-c", sql])
    options = ["--threads", str(arguments.threads), *(["--memory", str(arguments.memory)] if arguments.memory else [])]
    server = Server(arguments.program, lake, *options)
    cells = {}
    try:
        for name, (sql, records) in QUESTIONS.items():
            for clients in CLIENTS:
                told = sql.replace("{orders}", "processed.orders").replace("{taken}", "processed.taken")
                each = [asked(server.address, told, clients, arguments.seconds, highest) for _ in range(arguments.runs)]
                cells[f"{name}-{clients}"] = cell(each, records, server.resident("VmHWM"))
                print(f"{name}-{clients} weir: {max(each):.1f} a second", file=sys.stderr, flush=True)
    finally:
        server.close()
    return cells


def asked(address, sql, clients, seconds, highest) -> float:
    """Statements a second of so many processes."""
    context = multiprocessing.get_context("spawn")
    ready, answers = context.Barrier(clients), context.Queue()
    arguments = (address, sql, seconds, highest, ready, answers)
    processes = [context.Process(target=client, args=(*arguments, number), daemon=True) for number in range(clients)]
    [process.start() for process in processes]
    # What a client says at its end comes long after its start, but not for ever.
    done = [answers.get(timeout=seconds + LATER) for _ in processes]
    [process.join() for process in processes]
    return sum(done)


def client(address, sql, seconds, highest, ready, answers, number):
    import random

    from limits import ask
    from pyarrow import flight

    with flight.connect(address) as connection:
        chance = random.Random(number)
        answers.put(engines.rate(lambda key: ask(connection, sql.replace("{key}", str(key))), chance, seconds, highest, ready.wait))


def embedded(engine, arguments, suite, folder, highest):
    job = {
        "orders": suite.tables["orders"], "own_storage": engine.endswith("-own"), "folder": str(folder), "taken": TAKEN,
        "questions": QUESTIONS, "clients": CLIENTS, "runs": arguments.runs, "seconds": arguments.seconds, "highest": highest,
        "threads": arguments.threads, "memory_bytes": arguments.memory,
    }
    worker = pathlib.Path(__file__).parent / "engines" / "many_duckdb.py"
    statements = len(QUESTIONS) * len(CLIENTS) * arguments.runs
    limit = arguments.limit + statements * (arguments.seconds + 5)
    code, output, errors, peak_bytes, _ = engines.waited([sys.executable, str(worker)], json.dumps(job), {}, limit)
    if code != 0:
        return {name: {**missing(), "error": engines.failure(code, errors, limit)} for name in (f"{name}-{n}" for name in QUESTIONS for n in CLIENTS)}
    return {name: cell(each, QUESTIONS[name.rpartition("-")[0]][1], peak_bytes) for name, each in json.loads(output).items()}
