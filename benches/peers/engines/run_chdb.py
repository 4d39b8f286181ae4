"""chdb: ClickHouse in the process."""

from chdb import session

import timed


def prepare(job):
    connection = session.Session()
    settings = {
        "max_threads": job["threads"],
        "max_memory_usage": job["memory_bytes"] or 0,
        "allow_experimental_correlated_subqueries": 1,
        "joined_subquery_requires_alias": 0,
        "data_type_default_nullable": 1,
        "aggregate_functions_null_for_empty": 1,
        "union_default_mode": "'DISTINCT'",
    }
    for name, folder in job["tables"].items():
        connection.query(f"CREATE VIEW {name} AS SELECT * FROM file('{folder}/*.parquet', Parquet)")
    told = ", ".join(f"{name} = {value}" for name, value in settings.items())

    def query(statement):
        escaped = statement.replace("\\", "\\\\")
        return connection.query(f"{escaped} SETTINGS {told}", "ArrowTable")

    return query


timed.main(prepare)
