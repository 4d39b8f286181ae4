"""The peers, installed: one virtual environment with pinned versions, in the cache folder."""

import os
import pathlib
import subprocess
import sys

PACKAGES = {
    "duckdb": "2.0.0",
    "polars": "2.1.0",
    "datafusion": "55.0.0",
    "chdb": "4.4.0",
    "pyarrow": "26.0.1",
    "numpy": "2.4.6",
    "tpchgen-cli": "4.0.0",
}


def cache() -> pathlib.Path:
    """Where environments and data are kept between runs."""
    base = os.environ.get("WEIR_BENCH_CACHE") or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "weir" / "bench"
    return pathlib.Path(base)


def enter(name: str = "environment", packages: dict[str, str] = PACKAGES) -> None:
    """Runs this very program again inside the environment of that name, which is made if it is not there."""
    if pathlib.Path(sys.prefix) == cache() / name:
        return
    python = made(name, packages) / "bin" / "python"
    os.execv(python, [str(python), *sys.argv])


def made(name: str, packages: dict[str, str]) -> pathlib.Path:
    """The folder of the environment of that name, which is made if it is not there or has other packages."""
    folder = cache() / name
    wanted = "\n".join(f"{package}=={version}" for package, version in packages.items())
    stamp = folder / "packages.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        python = folder / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted.split()], check=True)
        stamp.write_text(wanted)
    return folder
