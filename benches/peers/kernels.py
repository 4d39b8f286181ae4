"""The suite `kernels`: what the criterion benches of this house measure, kept beside the other runs.

`cargo bench` writes an estimate a bench; a cell's seconds are its median, between the ends of its interval.
"""

import json
import os
import pathlib
import subprocess
import time

import engines

HOUSE = pathlib.Path(__file__).resolve().parent.parent.parent
ENGINES = ["weir"]


def run(arguments, _suite) -> dict:
    began = time.time()
    subprocess.run(["cargo", "bench", "--locked", "--bench", "kernels", "--bench", "operators", "--", "--noplot"], cwd=HOUSE, check=True)
    folder = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or HOUSE / "target") / "criterion"
    files = sorted(file for file in folder.glob("**/new/estimates.json") if file.stat().st_mtime >= began)
    return {str(file.parent.parent.relative_to(folder)): {"weir": cell(json.loads(file.read_text()))} for file in files}


def cell(estimates) -> dict:
    median = estimates["median"]
    ends = median["confidence_interval"]
    seconds = [number / 1e9 for number in (median["point_estimate"], ends["lower_bound"], median["point_estimate"], ends["upper_bound"])]
    return vars(engines.Measured(seconds, None, None, None))
