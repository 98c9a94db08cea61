"""gzip: members one after the other, zeros behind the last, and what is none."""

from __future__ import annotations

import gzip

import pytest

from headrace.transform import FileRejected
from tests.unit.transform.kit import contract, integer, read

SPEC = contract(integer("n"))
ONE, TWO = gzip.compress(b"n\n1\n"), gzip.compress(b"2\n")


@pytest.mark.parametrize("data", [ONE, ONE + b"\0" * 5000, ONE + b"\0\0" + TWO, ONE + gzip.compress(b"") + TWO + b"\0"])
def test_members_and_zeros_behind_them_are_read(data: bytes) -> None:
    assert read(SPEC, data).values("n") in ([1], [1, 2])


@pytest.mark.parametrize("after", [b"trailing", b"\n" + TWO, b"\0x", b"\x1f"])
def test_other_bytes_behind_the_end_are_called_so(after: bytes) -> None:
    with pytest.raises(FileRejected, match="other bytes than zeros follow the end of the gzip data"):
        read(SPEC, ONE + after)


@pytest.mark.parametrize(("data", "says"), [(ONE + TWO[:-5], "cut off"), (ONE[:-8] + b"\1" * 8, "damaged")])
def test_cut_off_and_damaged_members_are_told_apart(data: bytes, says: str) -> None:
    with pytest.raises(FileRejected, match=says):
        read(SPEC, data)
