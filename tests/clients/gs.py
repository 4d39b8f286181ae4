#!/usr/bin/env python3
"""Zones in Google's object store, against a server that speaks its protocol (moto) in a process of its own.

usage: gs.py WEIR-BINARY [VENV-FOLDER]

Google's store speaks S3's protocol but for how a request is signed, and weir's client of it speaks that: a server of
S3's kind (moto), which does not look at signatures, is asked all that s3.py asks of a store. What Google's alone
does is not tried here.

Makes its virtual environment, which is that of s3.py, on first use. Exits 0 if everything answers as it must, and a
malformed key is refused without being shown.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from s3 import Bucket, Lake, check, environment, free_port, wait_for


def private_key():
    """A key that a service account could have, as a text."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*form).decode()


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
    secret = private_key()
    account = {
        "gcs_base_url": endpoint,
        "client_email": "weir@example.org",
        "private_key_id": "1",
        "private_key": secret,
    }
    try:
        wait_for(endpoint + "/moto-api/", server)
        s3 = boto3.client(
            "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
        )
        s3.create_bucket(Bucket="bucket")
        with tempfile.TemporaryDirectory() as folder:
            variables = {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(account)}
            options = {"allow_http": "true"}
            lake = Lake(binary, Path(folder) / "lake", "gs", secret, variables, options)
            check(lake, Bucket(s3))
            wrong = {**account, "private_key": "no key at all!"}
            said = lake.sql("SELECT * FROM raw.visits", code=1, GOOGLE_SERVICE_ACCOUNT_KEY=json.dumps(wrong))
            assert "malformed private key" in said and wrong["private_key"] not in said, said
    finally:
        server.terminate()
        server.wait()
    print("gs: all good")


if __name__ == "__main__":
    main()
