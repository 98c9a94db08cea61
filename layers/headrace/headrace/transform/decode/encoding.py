"""Text encodings: every file is read as UTF-8, and a bad row's bytes are given back as they landed.

Bytes that mean nothing in the file's encoding become lone surrogates, written the way UTF-8 forbids: so they spoil
their own row, as an invalid byte in a UTF-8 file does, and `landed` can turn them back exactly.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from headrace.transform.outcome import FileRejected

BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
PEEKED = 4096
TAR_PLACE = 257
"""Where a tar archive has its magic (POSIX, ustar interchange format)."""
AUTO = "auto"
MOSTLY = 0.4
"""This share of a text's characters is ASCII at least, where the zeros of UTF-16 are to be believed."""
SEVERAL, MANY = 3, 0.15
"""This many lines, and this share of them, are not an accident any more."""
NAMES = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "iso8859-1": "Latin-1",
    "cp1252": "Windows-1252",
}
NO_TEXT = re.compile(rb"[\x00\x02-\x08\x0e-\x1a]")
"""Bytes that no text has; some of the others are delimiters of old systems."""
COMPRESSED = {b"\x1f\x8b\x08": "gzip", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}
DOS_END = b"\x1a"
DOS_ENDING = re.compile(rb"(?:(?<=[\r\n])\x1a\r?\n?|\x1a)\Z")
"""The byte with which DOS ends a text: the last one, or alone on the last line."""


def canonical(name: str) -> str:
    """Python's own name of an encoding. Raises LookupError for one that it does not know."""
    return codecs.lookup(name).name


class TextBytes:
    """A stream in some encoding, read as UTF-8 without its byte order mark."""

    def __init__(self, read: Callable[[int], bytes], declared: str, *, within: bool = False) -> None:
        """`within`, the stream begins with a line somewhere in a file of which `declared` is known to be the encoding.

        Raises FileRejected where what a file begins with is no text of that encoding.
        """
        self._read = read
        self._first = self._ahead = self._kept_back = b""
        self._last = b"\n"
        self._taken = 0
        self.encoding = canonical(declared) if within else self._begun(read(PEEKED), declared)
        self._decoder = None if self.encoding == "utf-8" else _decoder(self.encoding)

    def _begun(self, first: bytes, declared: str) -> str:
        """Looks at a file's first bytes. Gives the encoding."""
        if found := next((name for magic, name in COMPRESSED.items() if first.startswith(magic)), None):
            raise FileRejected("not_text", f"what the file holds is compressed again, with {found}: compress it once")
        encoding, mark = _told_apart(first, detected(first) if declared == AUTO else canonical(declared))
        if first[TAR_PLACE:].startswith(b"ustar") and b"\0" in first[:TAR_PLACE]:
            raise FileRejected("not_text", "the file is a tar archive, which is not supported: send a zip of its files")
        if encoding == "utf-8" and b"\0" in first and (b"\n" not in first or _is_mostly(first, _has_nul)):
            raise FileRejected("not_text", "the file is not text: its first 4 KB are full of NUL bytes")
        self._first, self._taken = first[mark:], mark
        return encoding

    @property
    def place(self) -> int:
        """How many bytes of the stream became text so far."""
        return self._taken - (len(self._decoder.getstate()[0]) if self._decoder else 0)

    @property
    def waiting(self) -> bytes:
        """Text that was made, and that `read` has not given yet."""
        return self._ahead + self._kept_back

    def read(self, size: int) -> bytes:
        """Some bytes of UTF-8, b"" at the end; not exactly `size` where bytes are transcoded."""
        if self._ahead:
            ahead, self._ahead = self._ahead, b""
            return ahead
        piece = self._transcoded(size)
        if self._kept_back or DOS_END in piece[-3:]:
            piece = self._before_dos_end(piece, size)
        self._last = piece[-1:]
        return piece

    def _before_dos_end(self, piece: bytes, size: int) -> bytes:
        """The piece without the end mark of DOS, which is text only where more follows."""
        while piece:
            piece = self._kept_back + piece
            ending = DOS_ENDING.search(self._last + piece)
            self._kept_back = ending[0] if ending else b""
            if len(piece) > len(self._kept_back):
                return piece.removesuffix(self._kept_back)
            piece = self._transcoded(size)
        return b""

    def _transcoded(self, size: int) -> bytes:
        piece = self._taken_piece(size)
        if self._decoder is None:
            return piece
        text = self._decode(piece)
        while piece and not text:
            piece = self._taken_piece(size)
            text = self._decode(piece)
        return text.encode("utf-8", "surrogatepass")

    def _taken_piece(self, size: int) -> bytes:
        piece = self._first or self._read(size)
        self._first = b""
        self._taken += len(piece)
        return piece

    def skip_blanks(self) -> None:
        """Leaves out blanks and line ends at the beginning, as far as they are in the first piece."""
        self._ahead = self._peeked().lstrip(b" \t\r\n")

    def begins_with(self, mark: bytes) -> bool:
        """Whether the rest of the text begins with this."""
        return self._peeked().startswith(mark)

    def _peeked(self) -> bytes:
        """The next piece of UTF-8, which `read` then gives again."""
        self._ahead = self._ahead or self.read(PEEKED)
        return self._ahead

    def landed(self, raw: bytes) -> bytes:
        """A row's bytes as the file holds them."""
        if self.encoding == "utf-8":
            return raw
        return raw.decode("utf-8", "surrogatepass").encode(self.encoding, _on_error(self.encoding))

    @property
    def label(self) -> str:
        """The encoding's name for people."""
        return _label(self.encoding)

    def _decode(self, piece: bytes) -> str:
        assert self._decoder is not None
        try:
            return self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            raise FileRejected("encoding", f"the {self.label} text ends in the middle of a character") from error


def _told_apart(first: bytes, declared: str) -> tuple[str, int]:
    """The encoding, and the length of the byte order mark. Raises FileRejected when mark and contract disagree."""
    mark = next((bom for bom in BOMS if first.startswith(bom)), None)
    if mark is None:
        return "utf-16-le" if declared == "utf-16" else declared, 0
    marked = BOMS[mark]
    if marked.startswith("utf-16") != declared.startswith("utf-16"):
        reason = f"the file begins with the mark of {_label(marked)}, the contract says {_label(declared)}"
        raise FileRejected("encoding", reason)
    return marked, len(mark)


def detected(first: bytes) -> str:
    """The encoding where the contract names none. Raises FileRejected where it is none that tells itself.

    A byte order mark or the zeros of UTF-16 are proof enough; other text is UTF-8, or nothing that can be detected.
    """
    mark = next((name for bom, name in BOMS.items() if first.startswith(bom)), None)
    if mark is not None:
        return mark
    pairs = len(first) // 2
    zeros = (first[0 : 2 * pairs : 2].count(0), first[1 : 2 * pairs : 2].count(0))
    for high, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if pairs and zeros[high] > pairs * MOSTLY and zeros[1 - high] == 0:
            return name
    if _is_mostly(first, lambda line: not is_utf8(line)):
        if _is_mostly(first, lambda line: NO_TEXT.search(line) is not None):
            raise FileRejected("not_text", "the file is not text: its first 4 KB are full of bytes that no text has")
        reason = "the contract does not name an encoding, and the text is not UTF-8: is it windows-1252 or iso-8859-1?"
        raise FileRejected("encoding", f"{reason} Name it, or another, as the server's encoding.")
    return "utf-8"


def _is_mostly(first: bytes, odd: Callable[[bytes], bool]) -> bool:
    """Whether too many whole lines are odd for an accident."""
    lines = first.split(b"\n")
    found = sum(map(odd, lines[:-1]))
    return found >= SEVERAL and found > len(lines) * MANY


def _has_nul(line: bytes) -> bool:
    return b"\0" in line


def is_utf8(line: bytes) -> bool:
    """Whether the bytes are UTF-8."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _label(encoding: str) -> str:
    return NAMES.get(encoding, encoding)


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(encoding)(_on_error(encoding))


def _on_error(encoding: str) -> str:
    return "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape"
