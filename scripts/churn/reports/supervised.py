"""Runs a command that must not outlive the process which asked for it, even if that is killed.

    python supervised.py PIPE COMMAND…

PIPE is the reading end of a pipe whose writing end the asking process holds. When that end closes,
everything in the process group is killed: start this as the leader of a group of its own.
"""

import os
import signal
import subprocess
import sys
import threading


def main(pipe: int, command: list[str]) -> int:
    """Run the command to its end; returns its exit code, as a shell gives it."""
    threading.Thread(target=_end_with, args=(pipe,), daemon=True).start()
    # the group is asked to end: the command decides when it does; a handler, unlike a signal that
    # is ignored, is not inherited
    signal.signal(signal.SIGTERM, lambda *_: None)
    code = subprocess.Popen(command).wait()
    return code if code >= 0 else 128 - code


def _end_with(pipe: int) -> None:
    os.read(pipe, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
