"""Runs a command to its end or for so many seconds, and writes its peak of resident memory to a file.

    launch.py PEAK_FILE SECONDS COMMAND…

A small process of its own, because the kernel counts what the parent held when it forked as the child's.
"""

import os
import pathlib
import subprocess
import sys
import threading

peak_file, seconds, *command = sys.argv[1:]
process = subprocess.Popen(command)
timer = threading.Timer(float(seconds), process.kill)
timer.start()
_, status, usage = os.wait4(process.pid, 0)
timer.cancel()
pathlib.Path(peak_file).write_text(str(usage.ru_maxrss * 1024))
sys.exit(137 if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status))
