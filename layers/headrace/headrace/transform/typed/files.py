"""What files of typed columns have in common: they are read from their end, by a library that knows no limits."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import pyarrow as pa

from headrace.transform.decode.landed_bytes import PIECE
from headrace.transform.memory import at_most_more
from headrace.transform.outcome import FileRejected, Limits

LONGEST_COMPLAINT = 200
Read = Callable[[int], bytes]


def spooled(read: Read, limits: Limits, title: str, magic: bytes) -> pa.NativeFile:
    """The file on the disk, open, its name gone already. Raises FileRejected for one that does not begin so."""
    with tempfile.NamedTemporaryFile() as spool:
        _fill(spool, read, limits, title, magic)
        return pa.OSFile(spool.name)


def _fill(spool: IO[bytes], read: Read, limits: Limits, title: str, magic: bytes) -> None:
    piece = read(PIECE)
    if not piece.startswith(magic):
        reason = f"the file is no {title} that can be read: it does not begin with {magic.decode()}"
        raise FileRejected("format", reason)
    size = 0
    while piece:
        size += len(piece)
        if size > limits.zipped:
            reason = f"the {title} is larger than {limits.zipped:,} bytes, and must fit on the disk"
            raise FileRejected("too_big", f"{reason}, because it is read from its end: send several")
        spool.write(piece)
        piece = read(PIECE)
    spool.flush()


@contextmanager
def bounded(limits: Limits, title: str) -> Iterator[None]:
    """Bounds the memory for what the library reads, and turns what it says of a broken file into FileRejected.

    MemoryError goes on as it is.
    """
    try:
        with at_most_more(limits.tables):
            yield
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:LONGEST_COMPLAINT]
        why = "it was cut off or damaged on its way, or needs what is not supported"
        raise FileRejected("format", f"the {title} cannot be read ({said}): {why}") from error


def too_large(limits: Limits) -> FileRejected:
    """Why a file is refused whose columns do not fit into the memory that there is for them."""
    room = f"{limits.tables >> 20:,} MiB"
    reason = f"a few rows of the file take more than {room} of memory: write smaller pages"
    return FileRejected("too_large", reason)
