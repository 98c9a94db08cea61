"""How a file of any size is cut into the parts that S3 takes.

An upload has at most 10,000 parts of 5 MiB to 5 GiB: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html.
"""

from __future__ import annotations

MIB = 1 << 20
PART_BYTES = 8 * MIB
"""Unless the file is so large that its parts would be too many."""
UNKNOWN_PART_BYTES = 32 * MIB
"""For a file of unknown size: enough for 309 GiB."""
MOST_PARTS = 9_900
"""What was copied from an earlier upload is cut otherwise: the others are for that."""
LARGEST_FILE = 5 << 40
"""More than any load takes by far; the parts of a file this large are the most that the poller has memory for."""


def part_bytes(size: int | None) -> int:
    """The size of each part but the last, of a file of this many bytes; None where that is not known."""
    if size is None:
        return UNKNOWN_PART_BYTES
    return max(PART_BYTES, -(-size // (MOST_PARTS * MIB)) * MIB)


def largest(size: int | None) -> int:
    """How many bytes can be taken of a file that was announced with this size."""
    return LARGEST_FILE if size is None else size


def too_large(size: int | None) -> str:
    """Why a file of this size is not taken; nothing for one that is."""
    if size is None or size <= LARGEST_FILE:
        return ""
    return f"the server says that it has {size:,} bytes: no file of more than 5 TiB is taken"
