"""The suites: what data each needs, and its queries."""

import dataclasses
import pathlib
import re
import subprocess
import sys

from environment import cache

HERE = pathlib.Path(__file__).parent
TPCH = HERE.parent.parent / "tests" / "tpch"
TPCH_TABLES = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]


@dataclasses.dataclass(frozen=True)
class Query:
    """A query, and which of its columns have one right answer whatever the engine: `all`, `rows` (their
    number alone), `nothing`, or names. Where engines need other words, `words` has those of each that is asked."""

    name: str
    sql: str
    compare: str
    words: dict[str, str] | None = None
    mark: tuple[float, float] | None = None  # the most that weir may take: seconds, bytes

    def of(self, engine: str) -> str | None:
        return self.sql if self.words is None else self.words.get(engine)


@dataclasses.dataclass(frozen=True)
class Suite:
    """Queries over tables, each a folder of Parquet files."""

    name: str
    scale: str
    tables: dict[str, str]
    queries: list[Query]
    engines: list[str] = dataclasses.field(default_factory=lambda: ["weir", "datafusion", "duckdb", "duckdb-own", "polars", "chdb"])


def tpch(scale: float) -> Suite:
    """TPC-H at a scale factor; its data made by tpchgen."""
    folder = cache() / f"tpch-{scale:g}"
    if not folder.exists():
        partial = folder.with_name(folder.name + ".partial")
        generator = pathlib.Path(sys.prefix) / "bin" / "tpchgen-cli"
        subprocess.run([generator, "parquet", "-s", f"{scale:g}", "--compression", "ZSTD(1)", "--row-group-bytes", "128MB", "--output-dir", partial], check=True)
        for table in TPCH_TABLES:
            # A folder a table, so that every engine can be told one.
            (partial / table).mkdir(exist_ok=True)
            for file in partial.glob(f"{table}.parquet"):
                file.rename(partial / table / file.name)
        partial.rename(folder)
    return Suite("tpch", f"SF{scale:g}", {table: str(folder / table) for table in TPCH_TABLES}, queries(TPCH))


def hits(scale: float) -> Suite:
    """A table like ClickBench's; `scale` is in millions of rows."""
    from data import hits as generator

    folder = cache() / f"hits-{scale:g}m"
    if not folder.exists():
        partial = folder.with_name(folder.name + ".partial")
        generator.generate(partial, int(scale * 1_000_000))
        partial.rename(folder)
    return Suite("hits", f"{scale:g}M rows", {"hits": str(folder / "hits")}, queries(HERE / "queries" / "hits"))


def write(scale: float) -> Suite:
    """What engines write of TPC-H's lineitem: a file, many files, a table of their own."""
    import writing

    base = tpch(scale)
    return Suite("write", base.scale, base.tables, writing.QUERIES, ["weir", "duckdb", "datafusion"])


def seed(scale: float) -> Suite:
    """The figures that the design began with; 1 is their size."""
    from data import seed as generator

    folder = cache() / f"seed-{scale:g}"
    if not folder.exists():
        partial = folder.with_name(folder.name + ".partial")
        generator.generate(partial, scale)
        partial.rename(folder)
    tables = {name: str(folder / name) for name in generator.TABLES}
    return Suite("seed", f"{scale:g}", tables, generator.QUERIES, ["weir", "duckdb"])


SUITES = {"tpch": tpch, "hits": hits, "write": write, "seed": seed}


def queries(folder: pathlib.Path) -> list[Query]:
    """The queries of a folder, in the order of their names."""
    return [query(file) for file in sorted(folder.glob("q*.sql"))]


def query(file: pathlib.Path) -> Query:
    sql = file.read_text()
    compare = re.search(r"^-- compare: (.*)$", sql, re.MULTILINE)
    return Query(file.stem, sql, compare.group(1) if compare else "all")
