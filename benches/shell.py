#!/usr/bin/env python3
"""Measures the shell in a pseudo-terminal, as a person would feel it; and DuckDB's beside it.

    python3 benches/shell.py PATH-TO-WEIR [--runs N] [--no-peer]

- first prompt: from the start of the program to its prompt, on the sample lake
- keys: from a key to the redrawn line, with 1,000 tables of 100 columns; and Tab
- cancel: from Ctrl-C in a long join to the prompt
- ten million rows: to the first screen of the pager, and the most memory that the program held, when
  left at once, when read to the end, and when written to a terminal row by row

The peer is DuckDB's command line from PyPI, pinned, in an environment of its own in the cache folder.
"""

import argparse
import os
import pty
import re
import select
import signal
import statistics
import struct
import fcntl
import subprocess
import sys
import tempfile
import termios
import time
import venv
from pathlib import Path

PEER = "duckdb-cli==1.5.6"
TABLES, COLUMNS = 1_000, 100
ROWS = 10_000_000
PATIENCE = 60.0
ESCAPES = re.compile(rb"\x1b\[[0-9;?>]*[a-zA-Z]|\x1b[=>]|\x1b\][^\x07]*\x07")


class Terminal:
    """A program in a pseudo-terminal."""

    def __init__(self, command, folder, environment=None, size=(100, 30)):
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            settings = {**os.environ, "TERM": "xterm-256color", "PAGER": "", **(environment or {})}
            os.execvpe(command[0], command, settings)
        columns, rows = size
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.seen = b""

    def read(self, wait):
        if not select.select([self.fd], [], [], wait)[0]:
            return False
        try:
            got = os.read(self.fd, 65536)
        except OSError:
            return False
        # Some ask where the cursor is before they prompt.
        if b"\x1b[6n" in got:
            os.write(self.fd, b"\x1b[1;1R")
        self.seen += got
        return bool(got)

    def plain(self):
        return ESCAPES.sub(b"", self.seen)

    def sees(self, text, start=None):
        """Waits for a text; gives the seconds since `start`."""
        begun = start if start is not None else time.perf_counter()
        while text not in self.plain():
            if not self.read(PATIENCE):
                raise SystemExit(f"expected {text!r}, saw …{self.plain()[-800:]!r}")
        took = time.perf_counter() - begun
        self.seen = b""
        return took

    def settle(self, quiet=0.3):
        while self.read(quiet):
            pass
        self.seen = b""

    def types(self, text):
        os.write(self.fd, text if isinstance(text, bytes) else text.encode())

    def key(self, text):
        """The seconds from a key to the last of what it draws."""
        self.seen = b""
        begun = time.perf_counter()
        self.types(text)
        last = begun
        while self.read(0.03 if last > begun else PATIENCE):
            last = time.perf_counter()
        return last - begun

    def peak_mib(self):
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) / 1024

    def end(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def make_lakes(weir, folder):
    sample, wide = folder / "sample", folder / "wide"
    run = lambda *words: subprocess.run([weir, *words], check=True, capture_output=True)
    run("demo", "--lake", str(sample), "--rows", "20000", "--no-repl")
    run("init", str(wide))
    definitions = wide / "catalog/raw"
    definitions.mkdir(parents=True, exist_ok=True)
    for table in range(TABLES):
        name = f"table_{table:04}"
        text = f'name = "{name}"\nformat = "csv"\nlocation = "{name}/"\n'
        for column in range(COLUMNS):
            text += f'\n[[columns]]\nname = "column_{column:03}_of_{table:04}"\ntype = "BIGINT"\n'
        (definitions / f"{name}.toml").write_text(text)
    return sample, wide


def report(name, seconds, limit=None):
    median = statistics.median(seconds) * 1000
    worst = max(seconds) * 1000
    goal = f"   (goal: {limit} ms)" if limit else ""
    print(f"{name:52} median {median:8.1f} ms   worst {worst:8.1f} ms{goal}", flush=True)


def typed(terminal, text):
    return [terminal.key(c) for c in text]


def measure(title, command, folder, prompt, runs, join, series, name, has_pager):
    print(f"\n{title}")
    first = []
    for _ in range(runs):
        terminal = Terminal(command(folder["sample"]), folder["state"], folder["environment"])
        first.append(terminal.sees(prompt, terminal.started))
        terminal.end()
    report("first prompt, sample", first, 100)

    terminal = Terminal(command(folder["wide"]), folder["state"], folder["environment"])
    terminal.sees(prompt, terminal.started)
    terminal.settle(1.0)
    text = f"SELECT column_001_of_0500, count(*) FROM {name}table_0500 WHERE column_042_of_0500 > 17 AND "
    report("a key, 1,000 tables of 100 columns", typed(terminal, text), 5)
    report("Tab: 100 columns of a table", [terminal.key("\t")])
    terminal.settle()
    terminal.types("\x03")
    terminal.settle()
    terminal.types(f"SELECT * FROM {name}table_01")
    terminal.settle()
    report("Tab: 100 of 1,000 tables", [terminal.key("\t")])
    terminal.end()

    terminal = Terminal(command(folder["sample"]), folder["state"], folder["environment"])
    terminal.sees(prompt)
    terminal.types(join + "\r")
    time.sleep(1.5)
    terminal.settle(0.01)
    begun = time.perf_counter()
    terminal.types("\x03")
    report("Ctrl-C in a long join, to the prompt", [terminal.sees(prompt, begun)], 1000)
    terminal.end()

    environment = dict(folder["environment"], PAGER="less")
    for ending in ("left at once", "read to the end") if has_pager else ("its first rows",):
        terminal = Terminal(command(folder["sample"]), folder["state"], environment)
        terminal.sees(prompt)
        terminal.settle(0.2)
        before = terminal.peak_mib()
        begun = time.perf_counter()
        terminal.types(series + "\r")
        shown = terminal.sees("│ row ".encode(), begun)
        took = 0.0
        if ending == "read to the end":
            begun = time.perf_counter()
            terminal.types("G")
            terminal.sees(f"{ROWS:,}".encode(), begun)
            took = time.perf_counter() - begun
        if has_pager:
            terminal.types("q")
            terminal.sees(prompt)
        else:
            terminal.settle()
        print(
            f"10 million rows, {ending}: first screen {shown * 1000:.0f} ms, "
            f"to the end {took:.1f} s; peak memory {before:.0f} → {terminal.peak_mib():.0f} MiB",
            flush=True,
        )
        terminal.end()


def peer(cache):
    folder = cache / "duckdb-cli"
    if not (folder / "bin/duckdb").exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin/pip", "install", "-q", PEER], check=True)
    return str(folder / "bin/duckdb")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("weir")
    arguments.add_argument("--runs", type=int, default=10)
    arguments.add_argument("--no-peer", action="store_true")
    given = arguments.parse_args()
    weir = str(Path(given.weir).resolve())
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "weir-benches"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sample, wide = make_lakes(weir, folder)
        state = folder / "state"
        state.mkdir()
        settings = {"XDG_STATE_HOME": str(state), "XDG_CONFIG_HOME": str(state), "HOME": str(state)}
        common = {"state": state, "environment": settings}
        measure(
            subprocess.run([weir, "--version"], capture_output=True, text=True).stdout.strip(),
            lambda lake: [weir, "--lake", str(lake)],
            dict(common, sample=sample, wide=wide),
            b"> ",
            given.runs,
            "SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b "
            "WHERE a.value + b.value < 0;",
            f"SELECT value AS n, value * 2 AS twice, 'row ' || value AS text FROM generate_series(1, {ROWS});",
            "raw.",
            True,
        )
        if given.no_peer:
            return
        duckdb = peer(cache)
        many = folder / "many.duckdb"
        ddl = "".join(
            f"CREATE TABLE table_{t:04} ({', '.join(f'column_{c:03}_of_{t:04} BIGINT' for c in range(COLUMNS))});"
            for t in range(TABLES)
        )
        subprocess.run([duckdb, str(many)], input=ddl, text=True, check=True, capture_output=True)
        measure(
            f"DuckDB {subprocess.run([duckdb, '--version'], capture_output=True, text=True).stdout.strip()}",
            lambda database: [duckdb, str(database)],
            dict(common, sample=folder / "new.duckdb", wide=many),
            b"D ",
            given.runs,
            "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range < 0;",
            f"SELECT range AS n, range * 2 AS twice, 'row ' || range AS text FROM range({ROWS});",
            "",
            False,
        )


if __name__ == "__main__":
    main()
