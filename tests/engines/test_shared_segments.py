"""The check for leaked shared memory sees what was leaked, and not what another program uses."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from shared_segments import SHARED_MEMORY, nothing_new, segments

pytestmark = pytest.mark.skipif(not SHARED_MEMORY.is_dir(), reason="no /dev/shm here")

MAP = """
import mmap, os, sys
file = os.open(sys.argv[1], os.O_RDWR)
mapped = mmap.mmap(file, 8)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_a_segment_that_nobody_uses_is_noticed_and_one_of_another_program_is_not():
    before = segments()
    left = SHARED_MEMORY / f"lava-predict-test-{os.getpid()}"
    left.write_bytes(bytes(8))
    # setsid forks and ends at once, so that the program is not a descendant of this one.
    other = subprocess.Popen(
        ["setsid", "-f", sys.executable, "-c", MAP, str(left)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        assert nothing_new(before)
        other.communicate()
        assert not nothing_new(before, seconds=0.2)
    finally:
        other.kill()
        left.unlink()
    assert nothing_new(before)
