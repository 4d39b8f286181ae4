#!/usr/bin/env python3
"""The Flight SQL clients of Python against a served lake, each as people use it.

    tests/clients/flight_python.py path/to/weir

ADBC (DB-API: metadata at every depth, ingest in every mode, executemany, cancel), pyarrow.flight, polars and
pandas (read and write), flightsql-dbapi, SQLAlchemy on it. Makes a venv with pinned versions in a cache folder, and a lake in a
temporary one. Exit code 0 if all holds.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
import venv
from pathlib import Path

PACKAGES = [
    "adbc-driver-flightsql==1.13.0",
    "adbc-driver-manager==1.13.0",
    "flightsql-dbapi==0.2.2",
    "pandas==3.1.1",
    "polars==2.1.0",
    "pyarrow==26.0.1",
    "sqlalchemy==1.4.54",
]


def python_with_packages():
    """The interpreter of a venv with the packages; made once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "weir" / "flight-python"
    python = cache / "bin" / "python"
    if not python.exists():
        venv.create(cache, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
    return python


class Server:
    """A served lake; ended by its context."""

    def __init__(self, program, lake, *arguments):
        command = [program, "serve", "--lake", lake, "--bind", "127.0.0.1:0", *arguments]
        self.log = open(Path(lake) / "serve.log", "w")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on grpc"), line
        self.url = line.split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(timeout=60) == 0


def table(start, rows):
    import pyarrow as pa

    ids = list(range(start, start + rows))
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "name": pa.array([f"n{i}" for i in ids]),
            "amount": pa.array([i / 4 if i % 3 else None for i in ids], pa.float64()),
            "kind": pa.array(["even" if i % 2 == 0 else "odd" for i in ids]).dictionary_encode(),
        }
    )


def adbc(url):
    import adbc_driver_flightsql.dbapi as dbapi
    import pyarrow as pa

    with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        info = connection.adbc_get_info()
        assert info["vendor_name"] == "weir", info
        assert connection.adbc_get_table_types() == ["SYSTEM TABLE", "TABLE", "VIEW"]
        cursor.execute("CREATE TABLE processed.made (id BIGINT NOT NULL, name VARCHAR)")
        cursor.execute("INSERT INTO processed.made VALUES (1, 'a'), (2, NULL)")
        cursor.execute("SELECT * FROM processed.made ORDER BY id")
        assert cursor.fetchall() == [(1, "a"), (2, None)]
        assert [column[0] for column in cursor.description] == ["id", "name"]
        cursor.execute("SELECT name FROM processed.made WHERE id = ? AND name = ?", (1, "a"))
        assert cursor.fetchall() == [("a",)]
        cursor.executemany("INSERT INTO processed.made VALUES (?, ?)", [(i, f"m{i}") for i in range(10, 60)])
        cursor.execute("SELECT count(*) FROM processed.made")
        assert cursor.fetchone() == (52,)
        cursor.executescript("DELETE FROM processed.made WHERE id >= 10")
        cursor.execute("SELECT count(*) FROM processed.made")
        assert cursor.fetchone() == (2,)
        for mode, first, expected in [("create", 0, 1000), ("append", 1000, 2000), ("replace", 0, 1000), ("create_append", 1000, 2000)]:
            rows = cursor.adbc_ingest("taken", table(first, 1000), mode=mode, db_schema_name="processed")
            assert rows == 1000, (mode, rows)
            cursor.execute("SELECT count(*) FROM processed.taken")
            assert cursor.fetchone() == (expected,), mode
        try:
            cursor.adbc_ingest("taken", table(0, 1), mode="create", db_schema_name="processed")
            raise AssertionError("a table was made twice")
        except dbapi.Error:
            pass
        schema = cursor.adbc_execute_schema("SELECT min(id), max(name) FROM processed.taken")
        cursor.execute("SELECT min(id), max(name) FROM processed.taken")
        assert cursor.fetch_arrow_table().schema.equals(schema, check_metadata=False)
        metadata(connection)
        try:
            cursor.execute("SELECT * FROM processed.nothing")
            raise AssertionError("a table that is not there was read")
        except dbapi.Error as error:
            assert "42P01" in str(error), error
        cancel(connection, dbapi)
        big = connection.cursor()
        big.execute("SELECT value, 'some text ' || value AS t FROM generate_series(1, 1000000)")
        assert big.fetch_arrow_table().num_rows == 1_000_000
        big.close()
        assert pa.__version__


def metadata(connection):
    for depth in ["catalogs", "db_schemas", "tables", "columns", "all"]:
        objects = connection.adbc_get_objects(depth=depth).read_all().to_pylist()
        assert [catalog["catalog_name"] for catalog in objects] == ["lake"], depth
        schemas = objects[0]["catalog_db_schemas"] or []
        names = [schema["db_schema_name"] for schema in schemas]
        assert depth == "catalogs" or "processed" in names, (depth, names)
        if depth in ("catalogs", "db_schemas"):
            continue
        tables = {t["table_name"]: t for s in schemas if s["db_schema_name"] == "processed" for t in s["db_schema_tables"]}
        assert tables["made"]["table_type"] == "TABLE"
        if depth in ("columns", "all"):
            columns = {column["column_name"]: column for column in tables["made"]["table_columns"]}
            assert list(columns) == ["id", "name"]
            assert columns["name"]["xdbc_type_name"] == "VARCHAR", columns
    one = connection.adbc_get_objects(depth="tables", db_schema_filter="processed", table_name_filter="mad_")
    assert one.read_all().num_rows == 1
    schema = connection.adbc_get_table_schema("made", db_schema_filter="processed")
    assert schema.names == ["id", "name"], schema


def cancel(connection, dbapi):
    cursor = connection.cursor()
    timer = threading.Timer(0.5, cursor.adbc_cancel)
    timer.start()
    began = time.monotonic()
    try:
        cursor.execute("SELECT count(*) FROM generate_series(1, 1000000000000) a WHERE a.value % 7 = 8")
        cursor.fetchall()
        raise AssertionError("nothing was cancelled")
    except (dbapi.Error, OSError) as error:
        assert "ancel" in str(error), error
    assert time.monotonic() - began < 20
    timer.join()
    cursor.close()


def arrow_flight(url):
    import pyarrow.flight as flight

    client = flight.connect(url.replace("grpc://", "grpc+tcp://"))
    token = client.authenticate_basic_token("", "")
    options = flight.FlightCallOptions(headers=[token])
    names = {action.type for action in client.list_actions(options)}
    assert {"CreatePreparedStatement", "CancelFlightInfo", "CloseSession"} <= names, names
    query = b"SELECT id, kind FROM processed.taken WHERE id < 5"
    # Any{CommandStatementQuery{query}}, written by hand: pyarrow has no Flight SQL.
    name = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
    value = b"\x0a" + bytes([len(query)]) + query
    command = b"\x0a" + bytes([len(name)]) + name + b"\x12" + bytes([len(value)]) + value
    descriptor = flight.FlightDescriptor.for_command(command)
    info = client.get_flight_info(descriptor, options)
    rows = client.do_get(info.endpoints[0].ticket, options).read_all()
    assert rows.num_rows == 5 and rows.schema.equals(info.schema)
    assert client.get_schema(descriptor, options).schema.equals(info.schema)
    try:
        client.do_get(info.endpoints[0].ticket, options).read_all()
        raise AssertionError("a ticket was fetched twice")
    except (flight.FlightError, KeyError):
        pass
    client.close()


def frames(url):
    import adbc_driver_flightsql.dbapi as dbapi
    import pandas
    import polars

    with dbapi.connect(url, autocommit=True) as connection:
        frame = polars.read_database("SELECT id, name, amount, kind FROM processed.taken ORDER BY id", connection)
        assert frame.shape == (2000, 4), frame.shape
        connection.adbc_current_db_schema = "processed"
        written = frame.write_database("from_polars", connection, engine="adbc", if_table_exists="replace")
        assert written == 2000, written
        again = polars.read_database("SELECT * FROM processed.from_polars ORDER BY id", connection)
        assert again.equals(frame.cast(again.schema))
        read = pandas.read_sql("SELECT id, amount FROM processed.taken ORDER BY id", connection)
        assert len(read) == 2000 and read.amount.isna().sum() == 667, read.amount.isna().sum()
        read.to_sql("from_pandas", connection, schema="processed", index=False, if_exists="append")
        read.to_sql("from_pandas", connection, schema="processed", index=False, if_exists="append")
        count = pandas.read_sql("SELECT count(*) AS n FROM processed.from_pandas", connection)
        assert count.n[0] == 4000


def dbapi_of_sqlalchemy(url):
    from flightsql import FlightSQLClient, connect

    host, port = url.split("//")[1].split(":")
    client = FlightSQLClient(host=host, port=int(port), insecure=True, features={"metadata-reflection": "true"})
    cursor = connect(client).cursor()
    # It makes a frame of pandas of the rows, in which NULL is not a number.
    cursor.execute("SELECT id, name FROM processed.made WHERE name IS NOT NULL")
    rows = cursor.fetchall()
    assert rows == [[1, "a"]], rows
    info = client.get_tables(include_schema=True)
    assert client.do_get(info.endpoints[0].ticket).read_all().num_rows > 5
    info = client.get_sql_info([0, 2, 3, 504])
    assert client.do_get(info.endpoints[0].ticket).read_all().num_rows == 4


def sqlalchemy(url):
    import flightsql.sqlalchemy as dialect  # which says to SQLAlchemy that it is there
    from sqlalchemy import MetaData, Table, create_engine, func, inspect, select

    address = url.split("//")[1]
    # Its dialect puts values into the text unless it is told that statements can be prepared.
    for features in ["", "&feature-sqlalchemy-prepared-statements=on"]:
        engine = create_engine(f"datafusion+flightsql://{address}?insecure=True{features}", future=True)
        with engine.connect() as connection:
            seen = inspect(connection)
            assert isinstance(connection.dialect, dialect.DataFusionDialect)
            assert {"raw", "processed", "curated"} <= set(seen.get_schema_names())
            assert "taken" in seen.get_table_names(schema="processed")
            taken = Table("taken", MetaData(), autoload_with=connection, schema="processed")
            assert list(taken.columns.keys()) == ["id", "name", "amount", "kind"], taken.columns
            assert connection.execute(select(func.count()).select_from(taken)).scalar() == 2000
            some = select(taken.c.name).where(taken.c.id < 3, taken.c.kind == "even").order_by(taken.c.id)
            assert [row[0] for row in connection.execute(some)] == ["n0", "n2"]


def log_in(url):
    """Each way in which a client proves who it is, on a server with users."""
    import adbc_driver_flightsql.dbapi as dbapi
    import pyarrow.flight as flight
    from flightsql import FlightSQLClient, connect

    def adbc(password):
        options = {"username": "ann", "password": password}
        with dbapi.connect(url, autocommit=True, db_kwargs=options) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT user_name FROM system.sessions")
            return cursor.fetchall()

    def refused(work, *arguments):
        try:
            work(*arguments)
        except Exception as error:
            # The driver in Go tells a name for the code of gRPC, pyarrow a word.
            assert "28000" in str(error), error
            return
        raise AssertionError(f"{work} was let in")

    assert ("ann",) in adbc("a-secret")
    refused(adbc, "wrong")
    refused(lambda: dbapi.connect(url, autocommit=True).cursor().execute("SELECT 1"))

    location = url.replace("grpc://", "grpc+tcp://")
    client = flight.connect(location)
    token = client.authenticate_basic_token("ann", "a-secret")
    assert len(list(client.list_actions(flight.FlightCallOptions(headers=[token])))) > 5
    refused(client.authenticate_basic_token, "ann", "wrong")
    refused(lambda: list(flight.connect(location).list_actions()))

    class Handshake(flight.ClientAuthHandler):
        """As clients of years ago do it: a message, and the token in a header of its own."""

        def authenticate(self, outgoing, incoming):
            outgoing.write(flight.BasicAuth("ann", "a-secret").serialize())
            self.token = incoming.read()

        def get_token(self):
            return self.token

    client = flight.connect(location)
    client.authenticate(Handshake())
    assert len(list(client.list_actions())) > 5

    host, port = url.split("//")[1].split(":")
    dbapi_of = lambda **who: connect(FlightSQLClient(host=host, port=int(port), insecure=True, **who)).cursor()
    cursor = dbapi_of(user="ann", password="a-secret")
    cursor.execute("SELECT 1 AS a")
    assert cursor.fetchall() == [[1]]
    bearer = token[1].decode().removeprefix("Bearer ")
    cursor = dbapi_of(token=bearer)
    cursor.execute("SELECT 1 AS a")
    assert cursor.fetchall() == [[1]]
    refused(lambda: dbapi_of(token="stolen").execute("SELECT 1"))
    # Without credentials it says "Bearer None".
    refused(lambda: dbapi_of().execute("SELECT 1"))


CHECKS = {
    "adbc": adbc,
    "pyarrow.flight": arrow_flight,
    "polars and pandas": frames,
    "flightsql-dbapi": dbapi_of_sqlalchemy,
    "sqlalchemy": sqlalchemy,
}
CHECKS_WITH_USERS = {"logging in": log_in}


def check(url, checks):
    failed = 0
    for name, run in checks.items():
        began = time.monotonic()
        try:
            run(url)
            print(f"{name}: holds ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception as error:  # each client is told of, whatever another one does
            import traceback

            traceback.print_exc()
            print(f"{name}: FAILS: {error!r}", flush=True)
            failed += 1
    return 1 if failed else 0


def main(program):
    program = Path(program).resolve()
    python = python_with_packages()
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder) / "lake"
        subprocess.run([program, "init", lake], check=True, capture_output=True)
        with Server(program, lake) as server:
            ran = [subprocess.run([python, __file__, "--check", server.url], timeout=300)]
        add = [program, "--lake", lake, "user", "add", "ann", "--role", "admin", "--password-stdin"]
        subprocess.run(add, input="a-secret\n", text=True, check=True, capture_output=True)
        with Server(program, lake) as server:
            ran.append(subprocess.run([python, __file__, "--check-users", server.url], timeout=300))
        return max(one.returncode for one in ran)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        sys.exit(check(sys.argv[2], CHECKS))
    if len(sys.argv) == 3 and sys.argv[1] == "--check-users":
        sys.exit(check(sys.argv[2], CHECKS_WITH_USERS))
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
