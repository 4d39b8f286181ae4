"""DuckDB asked by many threads at one time, each with a cursor of one connection."""

import json
import pathlib
import random
import sys
import threading

import duckdb

from rate import rate


def main():
    job = json.load(sys.stdin)
    own = job["own_storage"]
    connection = duckdb.connect(str(pathlib.Path(job["folder"]) / "many.db") if own else ":memory:")
    connection.execute(f"SET threads = {job['threads']}")
    if job["memory_bytes"]:
        connection.execute(f"SET memory_limit = '{job['memory_bytes']}B'")
    files = f"read_parquet('{job['orders']}/*.parquet')"
    connection.execute(f"CREATE TABLE orders AS FROM {files} ORDER BY o_orderkey" if own else f"CREATE VIEW orders AS FROM {files}")
    if own:
        connection.execute(job["taken"].format(taken="taken"))
    found = {}
    for name, (sql, _) in job["questions"].items():
        if name == "insert" and not own:
            continue
        told = sql.replace("{orders}", "orders").replace("{taken}", "taken")
        for clients in job["clients"]:
            found[f"{name}-{clients}"] = [together(connection, told, clients, job) for _ in range(job["runs"])]
    json.dump(found, sys.stdout)


def together(connection, sql, clients, job) -> float:
    ready, done = threading.Barrier(clients), []

    def client(number):
        cursor = connection.cursor()

        def ask(key):
            return cursor.execute(sql.replace("{key}", str(key))).to_arrow_table()

        done.append(rate(ask, random.Random(number), job["seconds"], job["highest"], ready.wait))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return sum(done)


main()
