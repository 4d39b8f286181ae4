"""Runs a command to its end or for so many seconds, and writes its peak of resident memory (bytes) and its seconds
to a file.

    launch.py FIGURES_FILE SECONDS COMMAND…

A small process of its own, because the kernel counts what the parent held when it forked as the child's.
"""

import os
import pathlib
import subprocess
import sys
import threading
import time

figures, seconds, *command = sys.argv[1:]
began = time.perf_counter()
process = subprocess.Popen(command)
timer = threading.Timer(float(seconds), process.kill)
timer.start()
_, status, usage = os.wait4(process.pid, 0)
took = time.perf_counter() - began
timer.cancel()
pathlib.Path(figures).write_text(f"{usage.ru_maxrss * 1024} {took}")
sys.exit(137 if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status))
