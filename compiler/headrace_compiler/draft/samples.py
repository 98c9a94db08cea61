"""What sample files show of themselves: how they are written, and what stands in their columns."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from headrace.domain.contract import FileFormat
from headrace.domain.files.formats import common_format
from headrace.transform.outcome import FileRejected
from headrace.transform.readers import documents
from headrace.transform.values.inference import Guess, guess
from headrace_compiler.draft.format import format_of
from headrace_compiler.draft.header import NULL_WORDS, WORDS_OF_VALUES, repeated_name
from headrace_compiler.draft.nested import Row, envelope, how_to_unwrap, is_geojson, laid_out
from headrace_compiler.draft.records import records
from headrace_compiler.draft.shown import listed, shown, shown_name
from headrace_compiler.draft.text import SampleText, named, odd_lines, sample_texts

LATER = "others that come in it later go to _unknown: a column {0} of logicalType object would keep all of it"
ALWAYS_NULL = {"\\N"}
"""What no producer writes for a value: MySQL and PostgreSQL write it for NULL."""
SHOWN = 80
"""How much of a line is shown."""


@dataclass(slots=True)
class Samples:
    """The samples' columns by name, with their values in order; None where a row has none.

    `no_header` says what speaks against a header, `remarks` what people should look at. `labels` names the texts,
    `holders` for each column those that have it, `encodings` for each encoding one that is more than ASCII. `paths` are
    columns that are fields of inner objects, `parents` the keys of those. `guesses` are types that files give columns
    themselves, None where they do not agree.
    """

    format: FileFormat
    no_header: str | None
    columns: dict[str, list[Any]] = field(default_factory=dict)
    rows: int = 0
    labels: list[str] = field(default_factory=list)
    holders: dict[str, list[str]] = field(default_factory=dict)
    encodings: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    parents: list[str] = field(default_factory=list)
    guesses: dict[str, Guess | None] = field(default_factory=dict)

    @property
    def are_json(self) -> bool:
        """Whether the values have types of their own."""
        return self.format.traits.typed


def read_samples(paths: list[Path]) -> Samples:
    """What the samples hold.

    Raises FileRejected for files that are no text, or not of one dataset, OSError for one that cannot be read.
    """
    samples: Samples | None = None
    for path in paths:
        for text in sample_texts(path):
            samples = samples or _begun(text)
            _take_format(text, samples)
            _take_rows(text, samples)
    if samples is None or not any(value is not None for values in samples.columns.values() for value in values):
        raise FileRejected("empty", "the samples hold no values")
    _take_null_words(samples)
    return samples


def _begun(text: SampleText) -> Samples:
    with named(text.label):
        return Samples(*format_of(text))


def _take_format(text: SampleText, samples: Samples) -> None:
    """Widens the format to this text's. Raises FileRejected where one contract cannot say both."""
    found, agreed = text.traits, samples.format.traits
    common = common_format(found, agreed)
    if common is None:
        raise FileRejected("format", f"{text.label} is {found.title}, {samples.labels[0]} is {agreed.title}")
    samples.format = replace(samples.format, kind=common.name)
    if text.data.isascii():
        return
    samples.encodings.setdefault(text.encoding, text.label)
    if len(samples.encodings) > 1:
        one, other = (samples.encodings[encoding] for encoding in sorted(samples.encodings))
        reason = f"{one} is UTF-8 or UTF-16, {other} is neither: the files of a dataset have one encoding"
        raise FileRejected("encoding", reason)
    samples.format = replace(samples.format, encoding=text.encoding)


def _take_rows(text: SampleText, samples: Samples) -> None:
    with named(text.label):
        names, rows = _documents(text, samples) if samples.are_json else _table(text.data, samples.format)
    if samples.labels:
        _refuse_others(text, names, samples)
    _take_types(text, samples)
    names = list(dict.fromkeys([*names, *text.sample.guesses]))
    samples.labels.append(text.label)
    samples.remarks += _remarks(text, names, samples)
    names = [name for name in names if name]
    for name in names:
        column = samples.columns.setdefault(name, [None] * samples.rows)
        column += [row.get(name) for row in rows]
        samples.holders.setdefault(name, []).append(text.label)
    samples.rows += len(rows)
    for column in samples.columns.values():
        column.extend([None] * (samples.rows - len(column)))


def _take_types(text: SampleText, samples: Samples) -> None:
    """What a file says of its own columns."""
    for name, found in text.sample.guesses.items():
        samples.guesses[name] = found if samples.guesses.get(name, found) == found else None
    if text.sample.row_element:
        samples.format = replace(samples.format, row_element=text.sample.row_element)
    if text.sample.not_numbers:
        samples.format = replace(samples.format, nan_is_null=True)
        places = listed(text.sample.not_numbers)
        samples.remarks.append(f"{text.label}, NaN or Infinity in {places} is taken for nothing, by nanIsNull")


def _documents(text: SampleText, samples: Samples) -> tuple[list[str], list[Row]]:
    """The objects, with what is nested in them under its path. Raises FileRejected for one that only wraps the rows."""
    traits = text.traits
    wraps = samples.format.rows_at and traits.name == "jsonl"
    rows = list(documents(text.data, samples.format if wraps else FileFormat(traits.name)))
    place = envelope(text.data) if len(rows) <= 1 and traits.name == "jsonl" and not wraps else None
    if place and (not rows or is_geojson(text.data)):
        rows, place = _unwrapped(text, place, samples), None
    if not rows:
        raise FileRejected("empty", traits.no_rows)
    if place:
        samples.remarks.append(
            f"{text.label}, is its one object a row? If not, {how_to_unwrap(text.data, place, text.label)}"
        )
    rows, paths, parents = laid_out(rows)
    samples.paths |= paths
    new = [parent for parent in parents if parent not in samples.parents]
    samples.parents += new
    samples.remarks += [f"the fields of {name} are columns; {LATER.format(name)}" for name in map(shown_name, new)]
    return list(dict.fromkeys(key for row in rows for key in row)), rows


def _unwrapped(text: SampleText, place: str, samples: Samples) -> list[Row]:
    """The rows in the one object of a file. Raises FileRejected where a contract cannot say where they are."""
    written = FileFormat("json", rows_at=place)
    with suppress(FileRejected):
        if not samples.labels and (rows := list(documents(text.data, written))):
            samples.format = replace(samples.format, kind="json", rows_at=place)
            return rows
    raise FileRejected("envelope", how_to_unwrap(text.data, place, text.label))


def _table(data: bytes, file_format: FileFormat) -> tuple[list[str], list[Row]]:
    """The columns' names, empty where the header has none, and the rows of as many fields."""
    found = records(data, file_format)
    first = next(found, [])
    header = first if file_format.header else []
    if file_format.header:
        names = [name.strip() for name in first]
        if twice := repeated_name(names):
            raise FileRejected("header", f"the header names {shown(twice)} twice")
    else:
        names = [f"column_{number}" for number in range(1, len(first) + 1)]
        found = chain([first], found)
    fitting = (record for record in found if len(record) == len(names) and _is_row(record, header))
    return names, [{name: value or None for name, value in zip(names, record, strict=True)} for record in fitting]


def _is_row(record: list[str], header: list[str]) -> bool:
    """Whether there is something to learn from a record: not delimiters alone, nor the header again."""
    return (any(record) or len(record) == 1) and record != header


def _refuse_others(text: SampleText, names: list[str], samples: Samples) -> None:
    """Raises FileRejected for a text that is another table than the first one's."""
    label, first = text.label, samples.labels[0]
    line = text.data.lstrip().splitlines()[0][:SHOWN].decode("utf-8", "replace")
    if samples.columns.keys().isdisjoint(names):
        what = "other keys" if samples.are_json else "another header or delimiter"
        raise FileRejected("header", f"{label} has {what} than {first}: {shown(line)}")
    if samples.no_header is None:
        return
    if samples.columns.keys() != set(names):
        raise FileRejected("header", f"{label} has {len(names)} fields in a line, {first} has {len(samples.columns)}")
    with named(label):
        doubt = format_of(text)[1]
    if doubt is None:
        raise FileRejected("header", f"{label} begins with a header, {first} does not: {shown(line)}")


def _remarks(text: SampleText, names: list[str], samples: Samples) -> list[str]:
    """What people should look at in this text."""
    odd = odd_lines(text.data)
    more = f", and so do {len(odd) - 1} more" if len(odd) > 1 else ""
    remarks = [f"{text.label}, {odd[0]}, which no text has{more}"] if odd else []
    remarks += _remarks_on_rows(text, samples)
    places = ", ".join(str(place) for place, name in enumerate(names, start=1) if not name)
    if places and text.traits.typed:
        remarks.append(f"{text.label}, a key has no name: what it holds is kept in _unknown")
    elif places:
        remarks.append(f"{text.label}, the header has no name for field {places}: what it holds is kept in _unknown")
    return remarks


def _remarks_on_rows(text: SampleText, samples: Samples) -> list[str]:
    """What people should look at in the rows of delimited text."""
    if samples.are_json:
        return []
    written, label = samples.format, text.label
    first, *rest = list(records(text.data, written)) or [[]]
    again = sum(record == first for record in rest) if written.header else 0
    remarks = [f'{label}, values are written as ="…": if Excel shall take them for text, add excelText: true'] * (
        written.quote == '"' and b'="' in text.data
    )
    remarks += (
        [f"{label}, the header stands among the rows again ({again}): such rows are quarantined"] if again else []
    )
    if written.quote and f"\\{written.quote}".encode() in text.data:
        remarks.append(f"{label}, \\ stands before a quote: is it an escape? If so, add the customProperty escape")
    return remarks


def _take_null_words(samples: Samples) -> None:
    """Words for nothing become nothing, where a column has another type but for them.

    In text such a word may be a value, as NA is for Namibia: that is for people to decide.
    """
    if samples.are_json:
        return
    found: set[str] = set()
    for word in NULL_WORDS:
        columns = [name for name, values in samples.columns.items() if word in values]
        typed = [name for name in columns if _type_without_words(samples.columns[name]) in WORDS_OF_VALUES]
        texts = [name for name in columns if name not in typed and _has_more(samples.columns[name])]
        if typed or (columns and word in ALWAYS_NULL):
            found.add(word)
            asked = f"{shown(word)} means nothing in {listed(typed)}: is it a value in {listed(texts)}?"
            samples.remarks += [asked] if texts and word not in ALWAYS_NULL else []
        elif texts:
            kept = f"{shown(word)} in {listed(texts)} is kept as a value"
            samples.remarks.append(f"{kept}: if it means nothing, add nullTokens")
    for name, values in samples.columns.items():
        samples.columns[name] = [None if value in found else value for value in values]
    samples.format = replace(samples.format, null_tokens=("", *sorted(found)))


def _type_without_words(values: list[Any]) -> str:
    return guess([value for value in values if value and value not in NULL_WORDS]).logical


def _has_more(values: list[Any]) -> bool:
    return any(value and value not in NULL_WORDS for value in values)
