"""Runs a command that ends with the process that started it, even if that process is killed.

    python supervised.py PIPE COMMAND…

PIPE is the reading end of a pipe; the starting process holds the writing end. When that end closes,
this kills its whole process group. So start it as the leader of its own group.
"""

import os
import signal
import subprocess
import sys
import threading


def main(pipe: int, command: list[str]) -> int:
    """Run the command to its end, and return its exit code as a shell would."""
    threading.Thread(target=_end_with, args=(pipe,), daemon=True).start()
    # SIGTERM goes to the whole group, and the command decides when to end; the command does not
    # inherit a handler, but it would inherit an ignored signal
    signal.signal(signal.SIGTERM, lambda *_: None)
    code = subprocess.Popen(command).wait()
    return code if code >= 0 else 128 - code


def _end_with(pipe: int) -> None:
    os.read(pipe, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
