"""The statements of the suite `write`, in each engine's words. All compress by Zstandard."""

from suites import Query

ALL = "SELECT * FROM lineitem"
BY = "SELECT l_orderkey, l_extendedprice, l_comment, l_shipmode FROM lineitem"
ZSTD = "FORMAT parquet, COMPRESSION zstd"
TABLE = "CREATE OR REPLACE TABLE processed.written {by} AS SELECT * FROM lineitem {order}"
OWN = "ATTACH '{out}' AS o; CREATE TABLE o.written AS SELECT * FROM lineitem {order}; DETACH o"


def statement(name: str, compare: str, **words: str) -> Query:
    return Query(name, "", compare, {engine.replace("_", "-"): sql for engine, sql in words.items()})


QUERIES = [
    statement(
        "file", "rows",
        weir=f"COPY ({ALL}) TO '{{out}}' (FORMAT parquet)",
        duckdb=f"COPY ({ALL}) TO '{{out}}' ({ZSTD})",
        datafusion=f"COPY ({ALL}) TO '{{out}}' STORED AS PARQUET OPTIONS ('format.compression' 'zstd(1)', 'execution.single_file_output' 'true')",
    ),
    statement(
        "partitions", "rows",
        weir=f"COPY ({BY}) TO '{{out}}' (FORMAT parquet, PARTITION_BY l_shipmode)",
        duckdb=f"COPY ({BY}) TO '{{out}}' ({ZSTD}, PARTITION_BY l_shipmode)",
    ),
    # A table of the engine's own, whole and on the disk at the end.
    statement("table", "nothing", weir=TABLE.format(by="", order=""), duckdb=OWN.replace("{order}", "")),
    statement(
        "sorted", "nothing",
        weir=TABLE.format(by="SORTED BY (l_shipdate)", order=""),
        duckdb=OWN.replace("{order}", "ORDER BY l_shipdate"),
    ),
]
