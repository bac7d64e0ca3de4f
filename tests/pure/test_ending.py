"""A process that ends at once has said everything, and its exit code is the one that it was given."""

import os
import subprocess
import sys

ENDS = """
import sys
from blnk_api.common.process_start import ending
print("the last words")
sys.stderr.write("and a remark")
ending.end(3)
"""


def test_what_was_printed_is_read_and_the_exit_code_is_kept() -> None:
    ended = subprocess.run([sys.executable, "-c", ENDS], capture_output=True, text=True)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("the last words\n", "and a remark", 3)


def test_if_nobody_reads_it_any_more_the_exit_code_says_so() -> None:
    read, write = os.pipe()
    os.close(read)
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    ended = subprocess.run(
        [sys.executable, "-c", ENDS], stdout=write, stderr=subprocess.PIPE, env=buffered, text=True
    )
    os.close(write)
    assert ended.returncode == 120
    assert "BrokenPipeError" in ended.stderr
