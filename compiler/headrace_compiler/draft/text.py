"""The texts of a sample file: what stands in it, or in each member of its archive, as UTF-8."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from zipfile import BadZipFile, ZipFile, is_zipfile

from headrace.domain.files.formats import FORMATS, USUAL, Format, format_that_begins
from headrace.domain.files.names import printable
from headrace.transform.decode.compression import SNIFF_BYTES, Member, open_members, sniff
from headrace.transform.decode.encoding import AUTO, NO_TEXT, TextBytes, is_utf8
from headrace.transform.decode.landed_bytes import PIECE, LandedBytes
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.readers import SAMPLES
from headrace.transform.sheets.workbook import BOOK
from headrace.transform.typed.sample import Sample

READ_BYTES = 8 << 20
"""So much of a sample is looked at."""
GUESSED = "windows-1252"


@dataclass(frozen=True, slots=True)
class SampleText:
    """The beginning of one text, its last line whole. `label` names it for people.

    Of a file that is no text `data` are its rows as JSON Lines, and `sample` what it says of itself.
    """

    label: str
    data: bytes
    encoding: str
    traits: Format
    sample: Sample = field(default_factory=Sample)


@contextmanager
def named(label: str) -> Iterator[None]:
    """Has the reason of a rejection begin with the sample's name."""
    try:
        yield
    except FileRejected as rejected:
        raise FileRejected(rejected.code, f"{label}: {rejected.reason}") from rejected


def sample_texts(path: Path) -> Iterator[SampleText]:
    """The texts in a file. Raises FileRejected for one that holds no text, OSError for one that cannot be read."""
    with path.open("rb") as stream:
        source = LandedBytes(stream)
        first = source.read(SNIFF_BYTES)
        with named(path.name):
            traits = _format_of(path, first)
            members = open_members(source, first, sniff(first, "auto", traits=traits), Limits())
        while member := _next(members, path):
            label = printable(" ".join((f"{member.name} in {path.name}" if member.name else path.name).split()))
            with named(label):
                yield _sample(label, member, traits)


def _format_of(path: Path, first: bytes) -> Format:
    """The format of a file. A workbook is a zip, and known by what is in it."""
    workbook = FORMATS["xlsx"]
    if first.startswith(workbook.magic) and is_zipfile(path):
        with suppress(BadZipFile, ValueError), ZipFile(path) as archive:
            return workbook if BOOK in archive.namelist() else USUAL
    return format_that_begins(first)


def _sample(label: str, member: Member, landed: Format) -> SampleText:
    first = member.read(PIECE)
    rest = chain([first], iter(partial(member.read, PIECE), b""))
    traits = landed if landed.binary else format_that_begins(first)
    if traits.binary:
        found = SAMPLES[traits.name](lambda _: next(rest, b""), Limits())
        return SampleText(label, found.documents, AUTO, traits, found)
    data, encoding = _beginning(lambda _: next(rest, b""))
    return SampleText(label, data, encoding, format_that_begins(data))


def _next(members: Iterator[Member], path: Path) -> Member | None:
    with named(path.name):
        return next(members, None)


def odd_lines(data: bytes) -> list[str]:
    """The lines with a byte that no text has, as `line 3 holds byte 0x00`."""
    if not NO_TEXT.search(data):
        return []
    found = ((number, NO_TEXT.search(line)) for number, line in enumerate(data.splitlines(), start=1))
    return [f"line {number} holds byte 0x{match[0][0]:02x}" for number, match in found if match]


def _beginning(read_more: Callable[[int], bytes]) -> tuple[bytes, str]:
    """The text as UTF-8, and its encoding: the guessed one where it tells none."""
    kept: list[bytes] = []

    def read(size: int) -> bytes:
        kept.append(read_more(size))
        return kept[-1]

    try:
        return _decoded(read, AUTO), AUTO
    except FileRejected as rejected:
        if rejected.code != "encoding":
            raise
        again = chain(kept, iter(partial(read_more, PIECE), b""))
        with suppress(FileRejected):
            return _decoded(lambda _: next(again, b""), GUESSED), GUESSED
        raise


def _decoded(read: Callable[[int], bytes], encoding: str) -> bytes:
    text = TextBytes(read, encoding)
    data = b""
    while len(data) < READ_BYTES and (piece := text.read(PIECE)):
        data += piece
    if len(data) >= READ_BYTES:
        data = data[: data.rfind(b"\n") + 1] or data
    _refuse_no_text(data)
    if encoding == AUTO and _is_never_utf8(data):
        raise FileRejected("encoding", "the text is not UTF-8")
    return data


def _refuse_no_text(data: bytes) -> None:
    """A few odd lines are the rows' own fault; a file of them, or one that begins so, is something else."""
    if not data.strip():
        raise FileRejected("empty", "the file contains only blanks" if data else "the file is empty")
    odd = odd_lines(data)
    if odd and (odd[0].startswith("line 1 ") or len(odd) * 2 >= len(data.splitlines())):
        raise FileRejected("not_text", f"the file is not text: {odd[0]}, which no text has")


def _is_never_utf8(data: bytes) -> bool:
    """Whether no line that is more than ASCII is UTF-8: then one bad byte is no accident, however few the lines are."""
    lines = [line for line in data.splitlines() if not line.isascii()]
    return bool(lines) and not any(map(is_utf8, lines))
