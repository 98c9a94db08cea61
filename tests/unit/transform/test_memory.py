"""The bound on memory holds while it lasts, and no longer, whatever happens and whoever else has one."""

from __future__ import annotations

import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from headrace.transform.memory import at_most_more

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say how much a process has")
SIZE = 64 << 20


def limits() -> tuple[int, int]:
    return resource.getrlimit(resource.RLIMIT_DATA)


def test_threads_leave_no_limit_behind() -> None:
    before, together = limits(), Barrier(4)

    def one(_: int) -> None:
        together.wait()
        for _ in range(200):
            with at_most_more(SIZE):
                assert limits()[0] != before[0]

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(one, range(4)))
    assert limits() == before
