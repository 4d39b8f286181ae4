#!/usr/bin/env python3
"""The JDBC driver for Flight SQL, of two versions, as tools of Java drive it.

    tests/clients/flight_jdbc.py path/to/weir

Fetches the drivers from Maven Central into a cache folder, compiles `flight_jdbc/Browse.java`, and runs it against
a server on a new lake: in the clear, and with a user and TLS. Needs a JDK of 17 or later. Exit code 0 if all holds.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from flight_python import Server

VERSIONS = ["18.3.0", "19.0.0"]
MAVEN = "https://repo1.maven.org/maven2/org/apache/arrow/flight-sql-jdbc-driver/{0}/flight-sql-jdbc-driver-{0}.jar"
OPENS = "--add-opens=java.base/java.nio=org.apache.arrow.memory.core,ALL-UNNAMED"


def driver(version):
    """The driver's file; None for a later version that the registry does not have."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "weir" / "flight-jdbc"
    cache.mkdir(parents=True, exist_ok=True)
    jar = cache / f"flight-sql-jdbc-driver-{version}.jar"
    if not jar.exists():
        part = jar.with_suffix(".part")
        try:
            urllib.request.urlretrieve(MAVEN.format(version), part)
        except urllib.error.HTTPError as error:
            if error.code == 404 and version != VERSIONS[0]:
                return None
            raise
        part.rename(jar)
    return jar


def run(jar, classes, url):
    command = ["java", OPENS, "-cp", f"{jar}:{classes}", "Browse", url]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=180)
    lines = [line for line in (ran.stdout + ran.stderr).splitlines() if "SLF4J" not in line and "WARN" not in line]
    return ran.returncode == 0, "\n".join(lines[-25:])


def certificate(folder):
    """A certificate that vouches for itself."""
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = [folder / "server.pem", folder / "server.key"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-out", files[0], "-keyout", files[1]]
    subprocess.run([*made, *names], check=True, capture_output=True)
    return files


def main(program):
    program = Path(program).resolve()
    if not shutil.which("javac"):
        sys.exit("there is no javac: install a JDK of 17 or later")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        source = Path(__file__).parent / "flight_jdbc" / "Browse.java"
        subprocess.run(["javac", "-d", folder / "classes", source], check=True)
        pem, key = certificate(folder)
        for version in VERSIONS:
            jar = driver(version)
            if jar is None:
                print(f"JDBC {version}: not tried, the registry does not have it", flush=True)
                continue
            lake = folder / f"lake-{version}"
            subprocess.run([program, "init", lake], check=True, capture_output=True)
            with Server(program, lake) as server:
                address = server.url.split("//")[1]
                results = {"in the clear": run(jar, folder / "classes", f"jdbc:arrow-flight-sql://{address}/?useEncryption=false")}
            add = [program, "--lake", lake, "user", "add", "ann", "--role", "admin", "--password-stdin"]
            subprocess.run(add, input="a-secret\n", text=True, check=True, capture_output=True)
            with Server(program, lake, "--tls-cert", pem, "--tls-key", key) as server:
                address = server.url.split("//")[1]
                url = f"jdbc:arrow-flight-sql://{address}/?user=ann&password=a-secret&disableCertificateVerification=true"
                results["with a user and TLS"] = run(jar, folder / "classes", url)
            for how, (holds, said) in results.items():
                print(f"JDBC {version} {how}: {'holds' if holds else 'FAILS'}", flush=True)
                if not holds:
                    print(said, flush=True)
                    failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
