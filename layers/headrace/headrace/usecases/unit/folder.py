"""A folder on disk for one unit of work, and the end of those that killed processes left behind.

Lambda does not clear `/tmp` when it resets a sandbox whose invocation ran out of time or failed, so the next one would
find that much less room (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html). On a laptop
several workers share one disk. So a folder is locked for as long as its process lives; the kernel lifts the lock when
that dies, and only an unlocked folder is removed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from headrace.errors import TransientError

PREFIX = "headrace-unit-"
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def unit_folder() -> Iterator[Path]:
    """A folder of the unit's own, removed at the end. Raises TransientError when the disk is full."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        _remove_if_dead(left)
    unlocked = Path(tempfile.mkdtemp(prefix=f".{PREFIX}"))
    with _locked(unlocked):
        folder = unlocked.rename(unlocked.with_name(unlocked.name.removeprefix(".")))
        try:
            yield folder
        except OSError as error:
            if not is_full(error):
                raise
            raise TransientError(f"the disk of the function is full: {error}") from error
        finally:
            shutil.rmtree(folder)


def is_full(error: BaseException) -> bool:
    """Whether it is about a full disk: not the fault of the file that was being read."""
    return isinstance(error, OSError) and error.errno in NO_ROOM


def _remove_if_dead(folder: Path) -> None:
    with suppress(OSError), _locked(folder):
        shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder. Raises BlockingIOError when another process does."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
