"""A process that reports what it was started with, and then does what its first argument says."""

import json
import os
import signal
import sys


def main() -> None:
    told = {
        "arguments": sys.argv[1:],
        "folder": os.getcwd(),
        "said": os.environ.get("SAID"),
        "pid": os.getpid(),
        "group": os.getpgid(0),
        "parent": os.getppid(),
        "open": len(os.listdir("/proc/self/fd")) - 1,  # without the one that lists
    }
    print(json.dumps(told), flush=True)
    match sys.argv[1:2]:
        case ["waits"]:
            sys.stdin.read()
        case ["exits"]:
            sys.exit(77)
        case ["fails"]:
            raise ValueError("no good")
        case ["dies"]:
            os.kill(os.getpid(), signal.SIGKILL)
