#!/usr/bin/env python3
"""Zones in Azure's object store, against a server of its own kind (Azurite) in a process of its own.

usage: azure_blobs.py WEIR-BINARY [FOLDER]

Installs the server (npm) and the client (pip) into the folder on first use. Exits 0 if everything answers as it must,
which is what s3.py asks of a store, and that a wrong key is refused without being shown.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from s3 import Lake, check, free_port, wait_for

SERVER, CLIENT = "azurite@3.35.0", "azure-storage-blob==12.31.1"
ACCOUNT = "devstoreaccount1"
# The key that the server has unless it is told another.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def environment(folder):
    """The Python of the virtual environment, with the server beside it, made if need be."""
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", CLIENT], check=True)
        subprocess.run(["npm", "install", "--silent", "--prefix", folder, SERVER], check=True)
        (folder / "complete").touch()
    return python


class Container:
    """What others do in the container."""

    def __init__(self, client):
        self.client = client

    def put(self, key, text):
        self.client.upload_blob(key, text, overwrite=True)

    def delete(self, key):
        self.client.delete_blob(key)

    def keys(self, prefix):
        return [each.name for each in self.client.list_blobs(name_starts_with=prefix)]


def main():
    binary = str(Path(sys.argv[1]).absolute())
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "weir"
    root = Path(sys.argv[2]) if len(sys.argv) > 2 else cache / "venv-azure"
    python = environment(root)
    if Path(sys.executable).absolute() != python.absolute():
        os.execv(python, [str(python), __file__, binary, str(root)])
    from azure.storage.blob import BlobServiceClient

    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        where = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(Path(folder) / "store")]
        server = subprocess.Popen(
            [root / "node_modules" / ".bin" / "azurite-blob", *where, "--silent", "--disableTelemetry", "--skipApiVersionCheck"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(endpoint, server)
            container = BlobServiceClient(endpoint, credential=KEY).create_container("bucket")
            options = {"account_name": ACCOUNT, "endpoint": endpoint, "allow_http": "true"}
            variables = {"AZURE_STORAGE_ACCOUNT_KEY": KEY}
            lake = Lake(binary, Path(folder) / "lake", "az", KEY, variables, options)
            check(lake, Container(container))
            wrong = {"AZURE_STORAGE_ACCOUNT_KEY": "d3Jvbmc="}
            said = lake.sql("SELECT * FROM raw.visits", code=1, **wrong)
            assert "az://bucket/" in said and wrong["AZURE_STORAGE_ACCOUNT_KEY"] not in said, said
            wrong = {"AZURE_STORAGE_ACCOUNT_KEY": "no key at all!"}
            said = lake.sql("SELECT * FROM raw.visits", code=1, **wrong)
            assert "malformed access key" in said and wrong["AZURE_STORAGE_ACCOUNT_KEY"] not in said, said
        finally:
            server.terminate()
            server.wait()
    print("azure: all good")


if __name__ == "__main__":
    main()
