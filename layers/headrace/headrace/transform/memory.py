"""A bound on what a library may take: what asks for more gets MemoryError, instead of the function its end.

Libraries for columnar files hold a page, a stripe or a dictionary at once, whose size the file says, and a few bytes of
it may mean gigabytes (https://arrow.apache.org/docs/cpp/parquet.html). They have no limit of their own for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

try:
    import resource
except ImportError:  # Windows: a check there is not bounded
    resource = None  # type: ignore[assignment]

STATUS = Path("/proc/self/status")
ONE = RLock()
DATA = re.compile(r"^VmData:\s+(\d+) kB", re.MULTILINE)


@contextmanager
def at_most_more(size: int) -> Iterator[None]:
    """While it lasts, the process gets no more than `size` bytes beyond what it has. Where the system cannot say what
    it has, nothing is bounded.

    One thread after the other has a bound, so that none takes another's for what was there before.
    https://man7.org/linux/man-pages/man2/getrlimit.2.html, RLIMIT_DATA: private memory, since Linux 4.7.
    """
    with ONE:
        yield from _bound(size)


def _bound(size: int) -> Iterator[None]:
    found = DATA.search(STATUS.read_text()) if STATUS.exists() else None
    if resource is None or found is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = (int(found[1]) << 10) + size
    if soft != resource.RLIM_INFINITY:
        wanted = min(wanted, soft)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
