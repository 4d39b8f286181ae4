#!/usr/bin/env python3
"""DataFusion's own SQL cases through weir's `Connection`: how many records pass, and what the others say.

    tests/clients/datafusion_slt.py [NAME…] [--out FOLDER]

Fetches the sources of the crate datafusion-sqllogictest with cargo, in a temporary project; runs its
test_files (those whose path contains a NAME, if any is given) with tests/slt.rs; prints the pass rate of
each file and of all, by what the record is: an EXPLAIN (plans differ in names, scans and own rules), a
statement, or a query. FOLDER (by default the temporary one) gets differences.txt, with every difference.
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
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


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


def kind(difference: str) -> str:
    sql = difference.split("[SQL]", 1)[-1].lstrip()
    first = re.match(r"[A-Za-z]*", sql).group().upper()
    if first in ("EXPLAIN",):
        return "explain"
    if "query result mismatch" in difference:
        return "answer"
    if "expected to fail" in difference or "error message" in difference or "is expected to fail" in difference:
        return "error text"
    return "refused"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*")
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-slt-"))
    cases = folder / "test_files"
    shutil.copytree(fetch(folder / "fetch"), cases)
    if arguments.name:
        for file in cases.rglob("*.slt"):
            if not any(name in str(file.relative_to(cases)) for name in arguments.name):
                file.unlink()
    run = subprocess.run(
        ["cargo", "test", "--quiet", "--test", "slt", "--", "--nocapture"],
        cwd=REPOSITORY,
        env={**os.environ, "WEIR_SLT_ROOT": str(cases)},
        stdout=subprocess.PIPE,
        text=True,
    )
    report(run.stdout, cases, arguments.out or folder)
    if run.returncode:
        sys.exit("the run itself failed")


def report(text: str, cases: pathlib.Path, out: pathlib.Path) -> None:
    totals = {}
    for path, count in re.findall(r"^(\S+\.slt): (\d+) records$", text, re.M):
        totals[os.path.relpath(path, cases)] = int(count)
    failed = collections.defaultdict(list)
    parts = re.split(r"^(\S+\.slt): \d+ failed$", text, flags=re.M)
    for name, body in zip(parts[1::2], parts[2::2]):
        body = re.split(r"^\S+\.slt: (?:ok|\d+ records)$", body, flags=re.M)[0]
        heads = r"^(?=statement failed:|statement is expected|query failed:|query is expected|query result mismatch|query columns mismatch|query types mismatch|statement result|did not end|.* panicked|Failed to parse|parse error)"
        failed[name] = [part.strip() for part in re.split(heads, body, flags=re.M) if part.strip()]
    out.mkdir(parents=True, exist_ok=True)
    kinds = collections.Counter()
    with open(out / "differences.txt", "w", encoding="utf-8") as differences:
        for name, total in sorted(totals.items()):
            bad = failed.get(name, [])
            counted = collections.Counter(map(kind, bad))
            kinds.update(counted)
            passed = max(total - len(bad), 0)
            why = ", ".join(f"{count} {what}" for what, count in counted.most_common())
            print(f"{passed:5} of {total:5}  {100 * passed / max(total, 1):5.1f} %  {name}  {why}")
            for difference in bad:
                differences.write(f"=== {name}: {kind(difference)}\n{difference}\n\n")
    all_records, all_bad = sum(totals.values()), sum(map(len, failed.values()))
    passed = all_records - all_bad
    print(f"\n{passed} of {all_records} records pass ({100 * passed / max(all_records, 1):.1f} %)")
    for what, count in kinds.most_common():
        print(f"{count:6} differ: {what}")
    print(f"differences: {out / 'differences.txt'}")


if __name__ == "__main__":
    main()
