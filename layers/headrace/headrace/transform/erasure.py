"""Rows of one value out of Parquet: good rows by their column, bad rows by the value standing in their raw bytes."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace.domain.contract import Contract, FileFormat, Kind
from headrace.transform.delimited.fixed_width import FixedSplitter
from headrace.transform.output.parts import COMPRESSION
from headrace.transform.values.values import SHOWN

ENCODINGS = ("utf-8", "latin-1", "cp1252", "utf-16-le", "utf-16-be")
"""In which a value is looked for in raw bytes, besides the contract's encoding."""
JSON_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
MEANT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
"""https://www.rfc-editor.org/rfc/rfc8259#section-7; any other character stands for itself."""
SHOWN_CUT = SHOWN - 1
"""Characters of a longer value that a reason quotes."""
ROWS_AT_ONCE = 65_536
PLAIN = FileFormat()


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a column whose rows go. Blanks at the end mean nothing, as they do to Redshift.

    `written` is how the contract's files are written, `whole` whether the value is a whole number; `placed` cuts lines
    without delimiters into their fields.
    """

    column: str
    text: str
    written: FileFormat = PLAIN
    whole: bool = False
    placed: FixedSplitter | None = None

    def of(self, contract: Contract) -> Value:
        """The value as it stands in files of a contract."""
        fixed = FixedSplitter(contract.row_columns) if contract.format.traits.placed else None
        whole = any(column.name == self.column and column.kind is Kind.INTEGER for column in contract.columns)
        return replace(self, written=contract.format, whole=whole, placed=fixed)

    def stands_in(self, raw: bytes) -> bool:
        """Whether the value is in the bytes, and not as a part of a longer word or number.

        It may be escaped, as JSON, XML, delimited text and keys do it, or cut, as reasons quote it.
        """
        wanted = _expression(self.text.rstrip(" "), whole=self.whole)
        return any(wanted.search(text) for text in self._readings(raw)) or self._is_field(raw)

    def _readings(self, raw: bytes) -> Iterator[str]:
        """The bytes as text, in each encoding in which the value would be other bytes, and without escapes."""
        known: set[bytes] = set()
        for encoding in (self.written.encoding, *ENCODINGS):
            try:
                encoded = self.text.encode(encoding)
            except (UnicodeEncodeError, LookupError):  # it cannot be there; `auto` is none
                continue
            if encoded in known:
                continue
            known.add(encoded)
            for text in _decoded(raw, encoding):
                yield from self._unescaped(text)

    def _unescaped(self, text: str) -> Iterator[str]:
        yield text
        quote, escape = self.written.quote, self.written.escape
        readings = [text.replace(quote * 2, quote)] if quote and quote * 2 in text else []
        yield from readings
        if "\\" in text:
            yield from map(_without_json_escapes, [text, *readings])
        if escape and escape in text:
            yield re.sub(re.escape(escape) + "(.)", r"\1", text, flags=re.DOTALL)
        if "%" in text:
            yield unquote(text)
        if "&" in text:
            yield html.unescape(text)

    def _is_field(self, raw: bytes) -> bool:
        """Whether a line has the value at the place of a column, where it may touch what stands beside it."""
        if self.placed is None:
            return False
        encoding = "utf-8" if self.written.encoding == "auto" else self.written.encoding
        lines = (line for text in _decoded(raw, encoding) for line in text.splitlines())
        wanted = re.compile(_form(self.text.rstrip(" "), whole=self.whole))
        fields = (field for line in lines for field in self.placed.split(line.encode("utf-8", "surrogatepass")))
        return any(wanted.fullmatch(field.decode("utf-8", "replace")) for field in fields)


def _decoded(raw: bytes, encoding: str) -> Iterator[str]:
    """The bytes as text; of UTF-16 from either of the first two, since a piece of a file may begin within a character.

    Half a character at an end becomes a letter: it may be one that the value is a part of.
    """
    if not encoding.startswith("utf-16"):
        yield raw.decode(encoding, "replace")
        return
    big = encoding == "utf-16-be"
    for shifted in (raw, b"x" + raw if big else raw[1:]):
        yield (shifted + b"x" * (len(shifted) % 2)).decode("utf-16-be" if big else "utf-16-le", "replace")


def _without_json_escapes(text: str) -> str:
    plain = JSON_ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else MEANT.get(found[2], found[2]), text)
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@cache
def _expression(text: str, *, whole: bool) -> re.Pattern[str]:
    forms = [_form(text, whole=whole)]
    if len(text) > SHOWN:
        forms.append(re.escape(text[:SHOWN_CUT]) + "…")
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(forms)})(?![^\W_])")


def _form(text: str, *, whole: bool) -> str:
    """An expression for the value; a whole number may have zeros before it."""
    if not whole:
        return re.escape(text)
    sign = "-" if text.startswith("-") else r"\+?"
    return rf"{sign}0*{re.escape(text.removeprefix('-'))}(?:\.0*)?"


Chosen = Callable[[pa.Table], pa.Array]
"""Which rows of a table go, as booleans without nulls."""


def good_rows(value: Value) -> Chosen:
    """The rows whose column has the value, as text; none of a part that is older than the column."""

    def chosen(table: pa.Table) -> pa.Array:
        if value.column not in table.column_names:
            return pa.repeat(pa.scalar(value=False), table.num_rows)
        texts = pc.cast(table[value.column], pa.string())
        same = pc.equal(pc.utf8_rtrim(texts, characters=" "), value.text.rstrip(" "))
        return pc.fill_null(same, fill_value=False)

    return chosen


def bad_rows(value: Value) -> Chosen:
    """The quarantined rows in whose raw bytes the value stands."""

    def chosen(table: pa.Table) -> pa.Array:
        return pa.array([value.stands_in(raw or b"") for raw in table["raw"].to_pylist()], pa.bool_())

    return chosen


def count_rows(source: Path, chosen: Chosen, file_id: str) -> Counter[str]:
    """How many rows of each file would go, by the column that names their file."""
    found: Counter[str] = Counter()
    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE):
            table = pa.Table.from_batches([batch])
            found.update(table.filter(chosen(table))[file_id].to_pylist())
    return found


def write_without(source: Path, target: Path, chosen: Chosen) -> int:
    """Write all other rows to `target`, in the same schema. Returns how many those are."""
    with pq.ParquetFile(source) as file, pq.ParquetWriter(target, file.schema_arrow, compression=COMPRESSION) as writer:
        kept = 0
        for batch in file.iter_batches(ROWS_AT_ONCE):
            table = pa.Table.from_batches([batch])
            rest = table.filter(pc.invert(chosen(table)))
            writer.write_table(rest)
            kept += rest.num_rows
    return kept
