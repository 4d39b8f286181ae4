#!/usr/bin/env python3
"""A Flight SQL client from npm against a served lake: query, catalogs, zones, tables, a prepared statement.

    tests/clients/flight_npm.py path/to/weir

Installs `@gizmodata/gizmosql-client` (pinned) into a cache folder; needs Node 18 or later. Exit code 0 if all holds.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from flight_python import Server

PACKAGE = "@gizmodata/gizmosql-client@1.4.3"

SCRIPT = """
const { FlightSQLClient } = require("@gizmodata/gizmosql-client");

const check = (holds, what) => { if (!holds) throw new Error(what); };

(async () => {
  const [host, port] = process.argv[2].split(":");
  const client = new FlightSQLClient({ host, port: Number(port), plaintext: true, username: "x", password: "y" });
  await client.execute("CREATE OR REPLACE TABLE processed.n AS SELECT value AS id, 'n' || value AS name FROM generate_series(1, 5)");
  const rows = (await client.execute("SELECT id, name, [name] AS l FROM processed.n ORDER BY id")).toArray();
  check(rows.length === 5 && Number(rows[4].id) === 5 && rows[4].name === "n5", "rows");
  check((await client.getCatalogs()).length === 1, "catalogs");
  check((await client.getSchemas()).length >= 5, "zones");
  check((await client.getTables()).length > 5, "tables");
  let refused = false;
  try { await client.execute("SELECT * FROM processed.nothing"); } catch (error) { refused = String(error).includes("42P01"); }
  check(refused, "an error");
  await client.close();
  console.log("npm client: holds");
})().catch((error) => { console.error(error); process.exit(1); });
"""


def main(program):
    program = Path(program).resolve()
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "weir" / "flight-npm"
    cache.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", PACKAGE], cwd=cache, check=True)
    script = cache / "check.js"
    script.write_text(SCRIPT)
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder) / "lake"
        subprocess.run([program, "init", lake], check=True, capture_output=True)
        with Server(program, lake) as server:
            return subprocess.run(["node", script, server.url.split("//")[1]], cwd=cache, timeout=120).returncode


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
