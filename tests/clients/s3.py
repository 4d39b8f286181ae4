#!/usr/bin/env python3
"""Zones in an object store, against a real S3 server (moto) in a process of its own.

usage: s3.py WEIR-BINARY [VENV-FOLDER]

Makes its virtual environment on first use. Exits 0 if everything answers as it must.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from pathlib import Path

PACKAGES = ["moto[server,s3]==5.2.5", "boto3==1.44.5"]
SECRET = "a-secret-that-nobody-may-see"


def environment(folder):
    """The Python of the virtual environment, made if need be."""
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        (folder / "complete").touch()
    return python


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(url, process):
    for _ in range(600):
        if process.poll() is not None:
            sys.exit("the S3 server ended")
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the S3 server does not answer")


class Lake:
    def __init__(self, binary, folder, endpoint):
        self.binary, self.folder = binary, folder
        self.environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }
        self.run_init()
        (folder / "catalog" / "lake.toml").write_text(
            f"""[zones.raw]
path = "s3://bucket/raw zone"

[zones.raw.store]
endpoint = "{endpoint}"
allow_http = "true"

[zones.processed]
path = "data/processed"
"""
        )

    def run_init(self):
        subprocess.run([self.binary, "init", self.folder], check=True, capture_output=True)

    def sql(self, sql, code=0):
        command = [self.binary, "--lake", self.folder, "-q", "-c", sql]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        assert done.returncode == code, (sql, done)
        assert SECRET not in done.stdout + done.stderr, "the secret is shown"
        return done.stdout if code == 0 else done.stderr


def expect(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def main():
    binary = str(Path(sys.argv[1]).absolute())
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "weir"
    python = environment(Path(sys.argv[2]) if len(sys.argv) > 2 else cache / "venv-s3")
    if Path(sys.executable).absolute() != python.absolute():
        os.execv(python, [str(python), __file__, binary, str(python.parent.parent)])
    import boto3

    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [str(python), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(endpoint + "/moto-api/", server)
        s3 = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key=SECRET,
        )
        s3.create_bucket(Bucket="bucket")
        with tempfile.TemporaryDirectory() as folder:
            check(Lake(binary, Path(folder) / "lake", endpoint), s3)
    finally:
        server.terminate()
        server.wait()
    print("s3: all good")


def check(lake, s3):
    put = lambda key, text: s3.put_object(Bucket="bucket", Key="raw zone/" + key, Body=text)
    put("visits/dt=2026-01-01/a.csv", "id,page\n1,/home\n2,/cart\n")
    put("visits/dt=2026-01-02/b.csv", "page,id\n/exit,3\n")
    put("visits/README.md", "no data")
    lake.sql("CREATE EXTERNAL TABLE raw.visits STORED AS CSV PARTITIONED BY (dt DATE) LOCATION 'visits/'")
    every = "SELECT * FROM raw.visits ORDER BY id"
    expect(lake.sql(every), "id,page,dt\n1,/home,2026-01-01\n2,/cart,2026-01-01\n3,/exit,2026-01-02\n")
    expect(lake.sql("SELECT id FROM raw.visits WHERE dt > '2026-01-01'"), "id\n3\n")
    # What others add, replace and remove is seen by the next statement.
    put("visits/dt=2026-01-03/数 据.csv", "id\n4\n")
    s3.delete_object(Bucket="bucket", Key="raw zone/visits/dt=2026-01-01/a.csv")
    expect(lake.sql(every), "id,page,dt\n3,/exit,2026-01-02\n4,,2026-01-03\n")
    # Compressed texts, Parquet and Arrow, written there and read back.
    for ending in ["parquet", "csv.gz", "jsonl", "arrow"]:
        url = f"s3://bucket/raw zone/out/{ending}/x.{ending}"
        lake.sql(f"COPY (SELECT id, page FROM raw.visits ORDER BY id) TO '{url}'")
        expect(lake.sql(f"SELECT * FROM '{url}' ORDER BY id"), "id,page\n3,/exit\n4,\n")
    expect(lake.sql("SELECT count(*) AS n FROM 's3://bucket/raw zone/out/parquet/*.parquet'"), "n\n2\n")
    lake.sql("CREATE EXTERNAL TABLE raw.p STORED AS PARQUET LOCATION 'out/parquet/'")
    expect(lake.sql("SELECT count(*) AS n, max(id) AS id FROM raw.p"), "n,id\n2,4\n")
    expect(lake.sql("SELECT count(*) AS n FROM raw.visits$files WHERE path LIKE 's3://bucket/%'"), "n\n2\n")
    # Rows are inserted there, whole files of several partitions, and what a copy makes of partitions too.
    lake.sql("CREATE EXTERNAL TABLE raw.w (id BIGINT, page VARCHAR, dt DATE) STORED AS PARQUET PARTITIONED BY (dt) LOCATION 'w/'")
    for _ in range(2):
        lake.sql("INSERT INTO raw.w VALUES (1, '/a b', '2026-01-01'), (2, '/ü', NULL), (3, NULL, '2026-01-02')")
    expect(lake.sql("SELECT dt, count(*) AS n FROM raw.w GROUP BY dt ORDER BY dt"), "dt,n\n2026-01-01,2\n2026-01-02,2\n,2\n")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="bucket", Prefix="raw zone/w/")["Contents"]]
    assert len(keys) == 6 and all(key.endswith(".parquet") and "/dt=" in key for key in keys), keys
    lake.sql("COPY (SELECT id, dt FROM raw.w) TO 's3://bucket/raw zone/copied' (FORMAT parquet, PARTITION_BY dt)")
    expect(lake.sql("SELECT count(*) AS n, count(dt) AS d FROM 's3://bucket/raw zone/copied/'"), "n,d\n6,4\n")
    assert "is not empty" in lake.sql("COPY (SELECT id, dt FROM raw.w) TO 's3://bucket/raw zone/copied' (FORMAT parquet, PARTITION_BY dt)", code=1)
    # A corrupt object is named, an absent folder is an error, another store is not reached.
    put("out/parquet/bad.parquet", "no parquet")
    assert "bad.parquet" in lake.sql("SELECT * FROM raw.p", code=1)
    lake.sql("SELECT * FROM 's3://other/x.parquet'", code=1)


if __name__ == "__main__":
    main()
