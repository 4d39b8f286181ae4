#!/usr/bin/env python3
"""arrow-flight's own command line client against a served lake: metadata, queries, values bound, users and tokens.

    tests/clients/flight_cli.py path/to/weir

Builds `flight_sql_client` (pinned) with cargo into a cache folder, once. Exit code 0 if all holds.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from flight_python import Server

VERSION = "59.3.2"
FEATURES = "cli,flight-sql,tls-ring"


def client():
    """The client's file; built once, without optimisation, because it runs for a moment."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "weir" / f"flight-cli-{VERSION}"
    program = cache / "bin" / "flight_sql_client"
    if not program.exists():
        # A configuration of cargo in the working folder is not for this.
        environment = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
        environment["CARGO_PROFILE_DEV_DEBUG"] = "0"
        install = ["cargo", "install", "--quiet", "--locked", "--debug", "--root", cache, "--version", VERSION]
        features = ["--features", FEATURES, "--bin", "flight_sql_client", "arrow-flight"]
        subprocess.run([*install, *features], check=True, env=environment, cwd=Path.home())
    return program


class Client:
    def __init__(self, program, url, *arguments):
        host, port = url.split("//")[1].split(":")
        self.command = [program, "--host", host, "--port", port, *arguments]

    def run(self, *arguments):
        return subprocess.run([*self.command, *arguments], capture_output=True, text=True, timeout=60)

    def says(self, *arguments):
        ran = self.run(*arguments)
        assert ran.returncode == 0, (arguments, ran.stderr)
        return ran.stdout

    def is_refused(self, reason, *arguments):
        ran = self.run(*arguments)
        assert ran.returncode != 0 and reason in ran.stderr, (arguments, ran.stdout, ran.stderr)


def open_to_all(program, url):
    client = Client(program, url)
    client.says("statement-query", "CREATE TABLE processed.made AS SELECT value AS id, 'n' || value AS name FROM generate_series(1, 5)")
    assert "| lake " in client.says("catalogs")
    assert "| processed " in client.says("db-schemas", "lake", "--db-schema-filter", "proc%")
    assert "| made " in client.says("tables", "lake", "--db-schema-filter", "processed", "--table-types", "TABLE")
    assert "| VIEW " in client.says("table-types")
    assert "| 15 " in client.says("statement-query", "SELECT sum(id) AS total FROM processed.made")
    bound = ["prepared-statement-query", "SELECT name FROM processed.made WHERE id = $1", "-p", "1=4"]
    assert "| n4 " in client.says(*bound)
    client.is_refused("42P01", "statement-query", "SELECT * FROM processed.nothing")
    # What the server does not compress it sends as it is.
    compressing = Client(program, url, "--accept-compression", "gzip,zstd")
    assert "| 1 " in compressing.says("statement-query", "SELECT 1 AS a")


def with_users(program, url):
    ann = ["--username", "ann", "--password", "a-secret"]
    assert "| 1 " in Client(program, url, *ann).says("statement-query", "SELECT 1 AS a")
    Client(program, url, "--username", "ann", "--password", "wrong").is_refused("28000", "catalogs")
    Client(program, url, "--token", "stolen").is_refused("28000", "catalogs")
    Client(program, url).is_refused("28000", "catalogs")


def main(weir):
    weir, program = Path(weir).resolve(), client()
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder) / "lake"
        subprocess.run([weir, "init", lake], check=True, capture_output=True)
        with Server(weir, lake) as server:
            open_to_all(program, server.url)
        add = [weir, "--lake", lake, "user", "add", "ann", "--role", "admin", "--password-stdin"]
        subprocess.run(add, input="a-secret\n", text=True, check=True, capture_output=True)
        with Server(weir, lake) as server:
            with_users(program, server.url)
    print("flight_sql_client: holds", flush=True)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
