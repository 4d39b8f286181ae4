#!/usr/bin/env python3
"""arrow-flight's own command line client against a served lake: metadata, queries, values bound, users and tokens.

    tests/clients/flight_cli.py path/to/weir

Builds `flight_sql_client` from the source of the very arrow-flight that weir is built with, in a package of its own
in a cache folder, once: `cargo install` would build other versions of two hundred crates. Where CARGO_TARGET_DIR is
set, what weir's build has left there is used. Exit code 0 if all holds.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from flight_python import Server

REPOSITORY = Path(__file__).resolve().parents[2]
MANIFEST = """
[package]
name = "flight-sql-client"
version = "{version}"
edition = "2024"

[[bin]]
name = "flight_sql_client"
path = "{source}"

[dependencies]
arrow-flight = {{ version = "={version}", default-features = false, features = ["cli", "flight-sql", "tls-ring"] }}
arrow-array = "{version}"
arrow-cast = "{version}"
arrow-schema = "{version}"
anyhow = "1"
clap = {{ version = "4", features = ["derive", "env", "wrap_help"] }}
futures = "0.3"
tokio = {{ version = "1", features = ["macros", "rt-multi-thread"] }}
tonic = {{ version = "0.14", default-features = false, features = ["channel", "codegen", "router"] }}
tracing-log = "0.2"
tracing-subscriber = {{ version = "0.3", features = ["env-filter"] }}

# As weir's, so that what is built for it serves here too.
[profile.dev]
debug = "line-tables-only"

[profile.dev.package."*"]
debug = false

[workspace]
"""


def arrow_flight():
    """The package that weir is built with: its version and folder."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]
    said = subprocess.run(command, check=True, capture_output=True, cwd=REPOSITORY)
    package = next(package for package in json.loads(said.stdout)["packages"] if package["name"] == "arrow-flight")
    return package["version"], Path(package["manifest_path"]).parent


def client():
    """The client's file; built once."""
    version, source = arrow_flight()
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "weir" / f"flight-cli-{version}"
    program = cache / "flight_sql_client"
    if not program.exists():
        cache.mkdir(parents=True, exist_ok=True)
        source = source / "src" / "bin" / "flight_sql_client.rs"
        (cache / "Cargo.toml").write_text(MANIFEST.format(version=version, source=source))
        shutil.copy(REPOSITORY / "Cargo.lock", cache / "Cargo.lock")
        target = Path(os.environ.get("CARGO_TARGET_DIR", cache / "target"))
        environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
        subprocess.run(["cargo", "build", "--quiet"], check=True, env=environment, cwd=cache)
        shutil.copy(target / "debug" / "flight_sql_client", program)
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
