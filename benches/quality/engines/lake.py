"""weir: a lake over the job's file, and the engine's own record of how long each statement took."""

import csv
import io
import pathlib
import subprocess

COLUMNS = """l_orderkey BIGINT, l_partkey BIGINT, l_suppkey BIGINT, l_linenumber INT, l_quantity DECIMAL(15, 2),
    l_extendedprice DECIMAL(15, 2), l_discount DECIMAL(15, 2), l_tax DECIMAL(15, 2), l_returnflag VARCHAR,
    l_linestatus VARCHAR, l_shipdate DATE, l_commitdate DATE, l_receiptdate DATE, l_shipinstruct VARCHAR,
    l_shipmode VARCHAR, l_comment VARCHAR"""


def constraint(rule):
    return f"CONSTRAINT {rule.name} EXPECT {rule.expectation} ON VIOLATION QUARANTINE"


class Lake:
    """A lake with the file as `raw.lineitem`, the rules on it."""

    def __init__(self, program, folder, data, rules, threads):
        self.options = [str(program), "--lake", str(folder), "--threads", str(threads)]
        self.folder, self.rules = pathlib.Path(folder), rules
        subprocess.run([program, "init", folder], check=True, capture_output=True)
        (self.folder / "data" / "raw").mkdir(parents=True, exist_ok=True)
        (self.folder / "data" / "raw" / "lineitem").symlink_to(data)
        self.run("CREATE EXTERNAL TABLE raw.lineitem STORED AS PARQUET LOCATION 'lineitem/'")
        for rule in rules:
            self.run(f"ALTER TABLE raw.lineitem ADD {constraint(rule)}")

    def run(self, sql):
        """A statement's rows."""
        process = subprocess.run([*self.options, "--format", "csv", "-c", sql], capture_output=True, text=True)
        assert process.returncode == 0, process.stderr
        return list(csv.DictReader(io.StringIO(process.stdout)))

    def timed(self, sql):
        """A statement's rows, and the seconds that it took in a process that has just begun."""
        record = "SELECT elapsed_ms FROM system.queries ORDER BY started_at LIMIT 1"
        process = subprocess.run([*self.options, "--format", "csv", "-c", f"{sql}; {record}"], capture_output=True, text=True)
        assert process.returncode == 0, process.stderr
        text, _, took = process.stdout.rpartition("\n\n") if "\n\n" in process.stdout else ("", "", process.stdout)
        return list(csv.DictReader(io.StringIO(text))), float(took.split()[-1]) / 1000

    def counts(self):
        rows, seconds = self.timed("CHECK TABLE raw.lineitem")
        return {row["rule"]: int(row["violations"]) for row in rows}, seconds

    def bad(self):
        target = self.folder / "bad.parquet"
        target.unlink(missing_ok=True)
        _, seconds = self.timed(f"COPY (SELECT * FROM violations(raw.lineitem)) TO '{target}'")
        return {"bad": int(self.run(f"SELECT count(*) AS n FROM '{target}'")[0]["n"])}, seconds

    def load(self, rules=None):
        self.run("DROP TABLE IF EXISTS processed.lineitem")
        rules = self.rules if rules is None else rules
        constraints = "".join(f", {constraint(rule)}" for rule in rules)
        self.run(f"CREATE TABLE processed.lineitem ({COLUMNS}{constraints})")
        rows, seconds = self.timed("INSERT INTO processed.lineitem SELECT * FROM raw.lineitem")
        self.run("DROP TABLE processed.lineitem")
        self.run("VACUUM RETAIN 0 HOURS")
        return {"accepted": int(rows[0]["inserted"]), "quarantined": int(rows[0]["quarantined"])}, seconds
