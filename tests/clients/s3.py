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
import urllib.error
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
            sys.exit("the server ended")
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the server does not answer")


class Lake:
    """A lake whose raw zone lies in the bucket `bucket` of a store."""

    def __init__(self, binary, folder, scheme, secret, variables, options):
        self.binary, self.folder, self.secret = binary, folder, secret
        self.zone = f"{scheme}://bucket/raw zone"
        self.environment = {**os.environ, **variables}
        subprocess.run([self.binary, "init", self.folder], check=True, capture_output=True)
        store = "\n".join(f'{key} = "{value}"' for key, value in options.items())
        (folder / "catalog" / "lake.toml").write_text(
            f"""[zones.raw]
path = "{self.zone}"

[zones.raw.store]
{store}

[zones.processed]
path = "data/processed"
"""
        )

    def sql(self, sql, code=0, **variables):
        command = [self.binary, "--lake", self.folder, "-q", "-c", sql]
        environment = {**self.environment, **variables}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == code, (sql, done)
        assert self.secret not in done.stdout + done.stderr, "the secret is shown"
        return done.stdout if code == 0 else done.stderr


class Bucket:
    """What others do in the bucket."""

    def __init__(self, client):
        self.client = client

    def put(self, key, text):
        self.client.put_object(Bucket="bucket", Key=key, Body=text)

    def delete(self, key):
        self.client.delete_object(Bucket="bucket", Key=key)

    def keys(self, prefix):
        return [each["Key"] for each in self.client.list_objects_v2(Bucket="bucket", Prefix=prefix)["Contents"]]


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
            variables = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}
            options = {"endpoint": endpoint, "allow_http": "true"}
            check(Lake(binary, Path(folder) / "lake", "s3", SECRET, variables, options), Bucket(s3))
    finally:
        server.terminate()
        server.wait()
    print("s3: all good")


def check(lake, bucket):
    put = lambda key, text: bucket.put("raw zone/" + key, text)
    zone, scheme = lake.zone, lake.zone.partition(":")[0]
    put("visits/dt=2026-01-01/a.csv", "id,page\n1,/home\n2,/cart\n")
    put("visits/dt=2026-01-02/b.csv", "page,id\n/exit,3\n")
    put("visits/README.md", "no data")
    lake.sql("CREATE EXTERNAL TABLE raw.visits STORED AS CSV PARTITIONED BY (dt DATE) LOCATION 'visits/'")
    every = "SELECT * FROM raw.visits ORDER BY id"
    expect(lake.sql(every), "id,page,dt\n1,/home,2026-01-01\n2,/cart,2026-01-01\n3,/exit,2026-01-02\n")
    expect(lake.sql("SELECT id FROM raw.visits WHERE dt > '2026-01-01'"), "id\n3\n")
    # What others add, replace and remove is seen by the next statement.
    put("visits/dt=2026-01-03/数 据.csv", "id\n4\n")
    bucket.delete("raw zone/visits/dt=2026-01-01/a.csv")
    expect(lake.sql(every), "id,page,dt\n3,/exit,2026-01-02\n4,,2026-01-03\n")
    # Compressed texts, Parquet and Arrow, written there and read back.
    for ending in ["parquet", "csv.gz", "jsonl", "arrow"]:
        url = f"{zone}/out/{ending}/x.{ending}"
        lake.sql(f"COPY (SELECT id, page FROM raw.visits ORDER BY id) TO '{url}'")
        expect(lake.sql(f"SELECT * FROM '{url}' ORDER BY id"), "id,page\n3,/exit\n4,\n")
    expect(lake.sql(f"SELECT count(*) AS n FROM '{zone}/out/parquet/*.parquet'"), "n\n2\n")
    lake.sql("CREATE EXTERNAL TABLE raw.p STORED AS PARQUET LOCATION 'out/parquet/'")
    expect(lake.sql("SELECT count(*) AS n, max(id) AS id FROM raw.p"), "n,id\n2,4\n")
    expect(lake.sql(f"SELECT count(*) AS n FROM raw.visits$files WHERE path LIKE '{scheme}://bucket/%'"), "n\n2\n")
    # Rows are inserted there, whole files of several partitions, and what a copy makes of partitions too.
    lake.sql("CREATE EXTERNAL TABLE raw.w (id BIGINT, page VARCHAR, dt DATE) STORED AS PARQUET PARTITIONED BY (dt) LOCATION 'w/'")
    for _ in range(2):
        lake.sql("INSERT INTO raw.w VALUES (1, '/a b', '2026-01-01'), (2, '/ü', NULL), (3, NULL, '2026-01-02')")
    expect(lake.sql("SELECT dt, count(*) AS n FROM raw.w GROUP BY dt ORDER BY dt"), "dt,n\n2026-01-01,2\n2026-01-02,2\n,2\n")
    keys = bucket.keys("raw zone/w/")
    assert len(keys) == 6 and all(key.endswith(".parquet") and "/dt=" in key for key in keys), keys
    lake.sql(f"COPY (SELECT id, dt FROM raw.w) TO '{zone}/copied' (FORMAT parquet, PARTITION_BY dt)")
    expect(lake.sql(f"SELECT count(*) AS n, count(dt) AS d FROM '{zone}/copied/'"), "n,d\n6,4\n")
    assert "is not empty" in lake.sql(f"COPY (SELECT id, dt FROM raw.w) TO '{zone}/copied' (FORMAT parquet, PARTITION_BY dt)", code=1)
    # A corrupt object is named, an absent folder is an error, another store is not reached.
    put("out/parquet/bad.parquet", "no parquet")
    assert "bad.parquet" in lake.sql("SELECT * FROM raw.p", code=1)
    lake.sql(f"SELECT * FROM '{scheme}://other/x.parquet'", code=1)


if __name__ == "__main__":
    main()
