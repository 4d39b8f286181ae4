#!/usr/bin/env python3
"""DataFusion's own SQL cases through weir's `Connection`: how many records pass, and why the others do not.

    tests/clients/datafusion_slt.py [NAME…] [--runner PATH] [--data FOLDER] [--out FOLDER]

Fetches the sources of the crate datafusion-sqllogictest with cargo, in a temporary project; runs its
test_files (those whose path contains a NAME, if any is given) with tests/slt.rs, which PATH is if it is
built already. FOLDER of --data has checkouts of apache/arrow-testing and apache/parquet-testing, called
testing and parquet-testing as in DataFusion's own; without them their tables are not there.

A record that differs is counted under its reason. Reasons are rules of this script (RULES), or stand in
datafusion_slt.txt beside it, a line a record: FILE:LINE and the reason's name. A difference without a
reason, and a line of that file whose record passes, fail the script. --out gets differences.txt, with
every difference, and unexplained.txt, with those that have no reason, as lines for that file.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

CRATE, VERSION = "datafusion-sqllogictest", "55.2.0"
HERE = pathlib.Path(__file__).resolve()
REPOSITORY = HERE.parents[2]
LIST = HERE.with_suffix(".txt")
DATA = ("testing", "parquet-testing", "core", "datasource-arrow")

# Why whole files are another matter.
FILES = {
    "spark/": "functions of the crate datafusion-spark, which the engine does not have",
    "async_udf.slt": "a function that the cases' own runner registers",
    "cast_extension_type_metadata.slt": "a planner of types that the cases' own runner registers",
    "dictionary_struct.slt": "a table that the cases' own runner registers",
    "encrypted_parquet.slt": "encryption of Parquet files is not built in",
    "information_schema_columns.slt": "a table that the cases' own runner registers",
    "information_schema_table_types.slt": "a table that the cases' own runner registers",
    "metadata.slt": "tables that the cases' own runner registers",
    "arrow_field.slt": "tables that the cases' own runner registers",
    "range_partitioning.slt": "a table that the cases' own runner registers",
    "union_function.slt": "a table that the cases' own runner registers",
    "information_schema_multiple_catalogs.slt": "a lake is one catalog",
    "explain_analyze.slt": "EXPLAIN has a form of its own",
    "explain_tree.slt": "EXPLAIN has a form of its own",
}

# What a reason's name in the list stands for.
REASONS = {
    "error-words": "both refuse it, in their own words",
    "explain": "EXPLAIN has a form of its own: a row a node",
    "follows": "it needs a table whose making differs",
    "data": "a file that the crate does not carry",
}


def fetch(folder: pathlib.Path) -> pathlib.Path:
    """The folder of the crate's cases."""
    (folder / "src").mkdir(parents=True)
    (folder / "src/lib.rs").write_text("")
    (folder / "Cargo.toml").write_text(
        f'[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2024"\n\n'
        f'[dependencies]\n{CRATE} = "={VERSION}"\n'
    )
    manifest = ["--manifest-path", str(folder / "Cargo.toml")]
    subprocess.run(["cargo", "fetch", "--quiet", *manifest], check=True)
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", *manifest], check=True, capture_output=True
    )
    packages = json.loads(metadata.stdout)["packages"]
    crate = next(package for package in packages if package["name"] == CRATE)
    return pathlib.Path(crate["manifest_path"]).parent / "test_files"


def bring_in(cases: pathlib.Path, names: list[str]) -> None:
    """Makes the cases' paths those of a lake; leaves out what is not wanted."""
    for file in cases.rglob("*.slt*"):
        name = str(file.relative_to(cases))
        if file.suffix == ".slt" and names and not any(wanted in name for wanted in names):
            file.unlink()
            continue
        text = file.read_text(encoding="utf-8")
        text = re.sub(rf"(?<=')(\.\./)+({'|'.join(DATA)})/", r"__TMP__/data/raw/\2/", text)
        file.write_text(text.replace("test_files/scratch/", "__TMP__/data/raw/scratch/"), encoding="utf-8")


def listed() -> dict[str, str]:
    """FILE:LINE → a reason's name; also learns what the names stand for."""
    found = {}
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if line.startswith("= "):
            name, reason = line[2:].split(": ", 1)
            REASONS[name] = reason
        elif line and not line.startswith("#"):
            place, name = line.split()
            found[place] = name
    return found


class Difference:
    def __init__(self, file: str, text: str):
        self.file, self.text = file, text
        self.sql = text.split("[SQL]", 1)[-1].split("\n[Diff]")[0].strip()
        lines = re.findall(r"^at \S+?(\w[^/\s]*\.slt(?:\.part)?):(\d+)", text, re.M)
        self.place = f"{file}:{lines[-1][1]}" if lines else file
        statement = re.sub(r"(?m)^\s*--.*$", "", self.sql).strip()
        self.first = re.match(r"[A-Za-z]*", statement).group().upper()

    def made(self) -> set[str]:
        """The tables that it makes."""
        pattern = r'(?i)\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:\w+\s+)*?(?:TABLE|VIEW)\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w."$]+)'
        names = re.findall(pattern, self.sql) + re.findall(r"(?i)\bINTO\s+([\w.\"$]+)", self.sql)
        return {name.replace('"', "").split(".")[-1].lower() for name in names}

    def missing(self) -> str:
        found = re.search(r"error\[42P01\]: (?:table|view) '([^']*)' not found", self.text)
        return found.group(1).split(".")[-1].lower() if found else ""

    def reason(self, not_made: set[str], changed: set[str]) -> str:
        if self.first == "EXPLAIN":
            return "explain"
        if "is expected to fail with error" in self.text.split("\n", 1)[0] and "but got error" in self.text:
            return "error-words"
        if re.search(rf"/data/raw/({'|'.join(DATA)})/", self.sql) and "error[58P01]" in self.text:
            return "data"
        if self.missing() in not_made:
            return "follows"
        used = {word.lower() for word in re.findall(r"[\w$]+", self.sql)}
        return "follows" if used & (not_made | changed) else ""


def explained(file: str) -> str:
    return next((why for part, why in FILES.items() if file.startswith(part) or file.endswith("/" + part)), "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*")
    parser.add_argument("--runner", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--report", type=pathlib.Path, help="what an earlier run printed, in place of a run")
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-slt-"))
    if arguments.report:
        text = arguments.report.read_text(encoding="utf-8")
    else:
        cases = folder / "test_files"
        shutil.copytree(fetch(folder / "fetch"), cases)
        bring_in(cases, arguments.name)
        data = arguments.data.resolve() if arguments.data else folder / "data"
        data.mkdir(exist_ok=True)
        command = ["cargo", "test", "--quiet", "--test", "slt", "--"]
        run = subprocess.run(
            [*([str(arguments.runner.resolve())] if arguments.runner else command), "--nocapture"],
            cwd=REPOSITORY,
            env={**os.environ, "WEIR_SLT_ROOT": str(cases), "WEIR_SLT_DATA": str(data)},
            stdout=subprocess.PIPE,
            text=True,
        )
        if run.returncode:
            sys.exit("the run itself failed")
        text = run.stdout
    sys.exit(report(text, arguments.out or folder, is_whole=not arguments.name))


def parse(text: str) -> tuple[dict[str, int], dict[str, list[Difference]]]:
    totals = {}
    for path, count in re.findall(r"^(\S+\.slt): (\d+) records$", text, re.M):
        totals[re.sub(r"^.*?/(?:test_files|cases)/", "", path)] = int(count)
    heads = (
        r"^(?=statement failed:|statement is expected|query failed:|query is expected|query result mismatch|"
        r"query columns mismatch|query types mismatch|statement result|did not end|.* panicked|Failed to parse|"
        r"parse error)"
    )
    failed = collections.defaultdict(list)
    parts = re.split(r"^(\S+\.slt): \d+ failed$", text, flags=re.M)
    for name, body in zip(parts[1::2], parts[2::2]):
        body = re.split(r"^\S+\.slt: (?:ok|\d+ records)$", body, flags=re.M)[0]
        pieces = (piece.strip() for piece in re.split(heads, body, flags=re.M))
        failed[name] = [Difference(name, piece) for piece in pieces if piece]
    return totals, failed


def report(text: str, out: pathlib.Path, is_whole: bool) -> int:
    totals, failed = parse(text)
    known, seen = listed(), set()
    out.mkdir(parents=True, exist_ok=True)
    reasons, unexplained = collections.Counter(), []
    counted = passed = other = 0
    with open(out / "differences.txt", "w", encoding="utf-8") as differences:
        for name, total in sorted(totals.items()):
            bad = failed.get(name, [])
            if explained(name):
                other += total
                continue
            counted += total
            not_made, changed, why = set(), set(), collections.Counter()
            for difference in bad:
                reason = known.get(difference.place) or difference.reason(not_made, changed)
                seen.add(difference.place)
                if reason not in ("error-words", "explain"):
                    not_made |= difference.made()
                if not reason:
                    unexplained.append(difference)
                why[reason or "UNEXPLAINED"] += 1
                differences.write(f"=== {difference.place}: {reason or 'UNEXPLAINED'}\n{difference.text}\n\n")
            reasons.update(why)
            good = max(total - len(bad), 0)
            passed += good
            said = ", ".join(f"{count} {reason}" for reason, count in why.most_common())
            print(f"{good:5} of {total:5}  {100 * good / max(total, 1):5.1f} %  {name}  {said}")
    agreed = passed + reasons["error-words"]
    print(f"\n{passed} of {counted} records pass ({100 * passed / max(counted, 1):.1f} %)")
    print(f"{agreed} with those that both refuse ({100 * agreed / max(counted, 1):.1f} %)")
    print(f"{other} records are of files about something else")
    for reason, count in reasons.most_common():
        print(f"{count:6} {reason}: {REASONS.get(reason, '')}")
    stale = sorted(set(known) - seen) if is_whole else []
    with open(out / "unexplained.txt", "w", encoding="utf-8") as places:
        places.writelines(f"{difference.place} ?\n" for difference in unexplained)
    for difference in unexplained[:50]:
        print(f"\nunexplained: {difference.place}\n{difference.text[:600]}")
    if stale:
        print("\nlisted, and passing: " + ", ".join(stale))
    print(f"\ndifferences: {out / 'differences.txt'}")
    return 1 if unexplained or stale else 0


if __name__ == "__main__":
    main()
