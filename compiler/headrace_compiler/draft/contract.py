"""A first contract from sample files: what they show is written down, what only people know is marked `# decide:`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from headrace.domain.files.names import plain_name
from headrace.transform.drift import escaped, quoted, yaml_text
from headrace.transform.values.inference import Guess, guess
from headrace_compiler.document.names import LONGEST, column_name_problem, dataset_name_problem
from headrace_compiler.draft.doubts import doubt_of_json, doubt_of_text, doubt_of_time
from headrace_compiler.draft.keys import key_question
from headrace_compiler.draft.partitions import partitions_of
from headrace_compiler.draft.samples import Samples, read_samples
from headrace_compiler.draft.shown import listed, shown_name
from headrace_compiler.draft.written import (
    Written,
    grouped,
    has_decimal_comma,
    lines_of,
    seems_grouped,
    words_question,
    written,
)

FEW_VALUES = 12
ROWS_FOR_ENUM = 50
LONGEST_ENUM = 40
ROWS_FOR_TYPES = 50
SCALE, MORE_DIGITS = 4, 3
"""Decimals that a drafted column has at least, and digits before the point that it has more than the samples."""
AUTO = "auto"
LONGEST_NAME = LONGEST - len("_9999")
"""Names may be numbered, to be different."""
PARTITIONED = "        partitioned: true"
ESCAPED = r"\t, \n and \\ in a value are read as PostgreSQL and MySQL write them"
NAMED = 3
"""At most this many samples are named."""


def draft(name: str, paths: list[Path]) -> str:
    """The text of a contract for the dataset `name`, in which every row of the samples is good as far as it was read.

    Raises FileRejected for samples that cannot be read, ValueError for a name that no dataset can have.
    """
    if reason := dataset_name_problem(name):
        raise ValueError(reason)
    samples = read_samples(paths)
    partitions = partitions_of(paths)
    found = {column: samples.guesses.get(column) or _guess(each, samples) for column, each in samples.columns.items()}
    others = {column: _written(values, found[column], samples) for column, values in samples.columns.items()}
    if not samples.are_json and any(map(has_decimal_comma, others.values())):
        others |= {column: grouped(texts) for column, texts in _points_of_three(samples, found)}
    guesses = {column: each.guess if (each := others[column]) else found[column] for column in found}
    lines = [*_head(name, samples.remarks), *_servers(name, samples, partitions), *_table(name, samples, guesses)]
    names = _column_names({**samples.columns, **partitions})
    for column, guessed in guesses.items():
        lines += _property(column, names[column], guessed, samples, others[column])
        lines += [PARTITIONED] if column in partitions else []
    for column in [field for field in partitions if field not in guesses]:
        lines += _partition(column, names[column], partitions[column])
    return escaped("\n".join([*lines, *_tail()])) + "\n"


def _guess(values: Sequence[Any], samples: Samples) -> Guess:
    known = [value for value in values if value is not None]
    return guess(known, typed=samples.are_json and not samples.format.traits.of_texts)


def _written(values: Sequence[Any], found: Guess, samples: Samples) -> Written | None:
    """What texts are that are written in another than the usual way."""
    if found.logical != "string" or samples.are_json:
        return None
    return written([value for value in values if value is not None])


def _points_of_three(samples: Samples, found: Mapping[str, Guess]) -> Iterator[tuple[str, list[str]]]:
    """The columns of decimals whose points may divide thousands, with their texts."""
    for column in [column for column in found if found[column].logical == "number"]:
        texts = [value for value in samples.columns[column] if value is not None]
        if seems_grouped(texts):
            yield column, texts


def _head(name: str, remarks: Sequence[str]) -> Iterator[str]:
    yield from (
        "apiVersion: v3.1.0",
        "kind: DataContract",
        f"id: urn:headrace:{name}",
        f"name: {name}",
        "version: 1.0.0",
        "status: draft",
        "description:",
        "  purpose: What a row is.  # decide: say it in a sentence",
        *(f"# decide: {remark}" for remark in remarks),
        "",
    )


def _partition(column: str, name: str, values: list[str | None]) -> Iterator[str]:
    """A column whose values are in the folders of the samples."""
    found = guess([value for value in values if value is not None])
    yield f"      - name: {yaml_text(column)}  # decide: its values are in the samples' folders"
    if name != column:
        yield f"        physicalName: {name}"
    yield f"        logicalType: {found.logical}"
    if found.physical:
        yield f"        physicalType: {found.physical}"
    if None not in values:
        yield "        required: true"
    yield PARTITIONED
    if found.formats and found.formats[0]:
        yield from ("        logicalTypeOptions:", f"          format: {found.formats[0]}{_or(found.formats[1:])}")


def _servers(name: str, samples: Samples, partitions: Iterable[str]) -> Iterator[str]:
    written = samples.format
    folders = "".join(f"{field}={{{field}}}/" for field in partitions)
    yield from ("servers:", "  - server: landing", "    type: s3", f"    location: s3://{{landing}}/{name}/{folders}")
    yield f"    format: {written.kind}"
    if written.traits.delimited:
        doubt = (
            "  # decide: one column only; another delimiter, or `format: fixed`?" if len(samples.columns) == 1 else ""
        )
        yield f"    delimiter: {json.dumps(written.delimiter)}{doubt}"
    if written.encoding != AUTO:
        yield f"    encoding: {written.encoding}  # decide: the samples are not UTF-8, and this is a guess"
    yield from _file_options(samples)
    yield from ("  - server: warehouse", "    type: redshift")
    yield from ("    database: headrace  # the stack's parameter Database", "    schema: public", "")


def _file_options(samples: Samples) -> list[str]:
    written = samples.format
    options: list[str] = []
    if samples.no_header is not None:
        options += [f"      - property: header  # decide: {samples.no_header}", "        value: false"]
    if written.quote != written.traits.quote:
        options += ["      - property: quote", f"        value: {json.dumps(written.quote)}"]
    if written.escape:
        options += [f"      - property: escape  # decide: {ESCAPED}", f"        value: {json.dumps(written.escape)}"]
        options += ["      - property: escapes", f"        value: {written.escapes}"]
    if written.skip_lines:
        lines = f"the {written.skip_lines} lines" if written.skip_lines > 1 else "the line"
        above = f"{lines} above the header: is it so in every file?"
        options += [f"      - property: skipLines  # decide: {above}", f"        value: {written.skip_lines}"]
    if written.rows_at:
        beside = "what stands beside the rows is not read"
        options += [f"      - property: rowsAt  # decide: {beside}", f"        value: {written.rows_at}"]
    if written.comment:
        left_out = f"every line that begins with {written.comment} is left out, and not counted"
        options += [f"      - property: comment  # decide: {left_out}", f"        value: {json.dumps(written.comment)}"]
    if len(written.null_tokens) > 1:
        options += ["      - property: nullTokens", f"        value: {json.dumps(list(written.null_tokens))}"]
    if written.row_element:
        options += ["      - property: rowElement", f"        value: {yaml_text(written.row_element)}"]
    if written.nan_is_null:
        options += ["      - property: nanIsNull", "        value: true"]
    return ["    customProperties:", *options] if options else []


def _table(name: str, samples: Samples, guesses: dict[str, Guess]) -> Iterator[str]:
    """What no sample can prove is asked, not written: a draft that is deployed as it is merges and refuses no row."""
    yield from ("schema:", f"  - name: {plain_name(name)}")
    always = [column for column in guesses if _is_always_there(column, samples)]
    without = "without a primaryKey every row is added, with one `history: scd2` can keep earlier states"
    yield f"    # decide: {key_question(samples, guesses, always)}; {without}"
    if always:
        yield f"    # decide: no row of the samples lacks {listed(always)}: put `required: true` where none may"
    if samples.rows < ROWS_FOR_TYPES:
        yield f"    # decide: the types are those of {samples.rows} row{'' if samples.rows == 1 else 's'} only"
    yield "    properties:"


def _property(column: str, name: str, found: Guess, samples: Samples, other: Written | None) -> Iterator[str]:
    values = samples.columns[column]
    yield f"      - name: {yaml_text(column)}{_only_in(samples.holders[column], samples.labels)}"
    if name != column:
        yield f"        physicalName: {name}"
    doubt = f"  # decide: {shown_name(column)}: {other.question}" if other and other.question else ""
    yield f"        logicalType: {found.logical}{doubt or _doubt(column, found, samples, other)}"
    if found.physical:
        seen = [] if samples.guesses.get(column) else other.usual if other else values
        yield f"        physicalType: {_physical(column, seen, found)}"
    if found.formats and found.formats[0]:
        yield from (
            "        logicalTypeOptions:",
            f"          format: {found.formats[0]}{_or(found.formats[1:])}",
        )
    yield from lines_of(other.options if other else ())
    yield from _enum(column, values, found)


def _physical(column: str, values: Sequence[Any], found: Guess) -> str:
    """The type in the warehouse; of a decimal with room for more digits than the samples have."""
    if not found.physical or not found.physical.startswith("DECIMAL"):
        return str(found.physical)
    texts = [text.lstrip("+-").partition(".") for text in (str(value) for value in values if value is not None)]
    seen = max((len(fraction) for _, _, fraction in texts), default=0)
    if not texts:
        return found.physical
    scale = max(seen, SCALE)
    precision = 18 if max(len(whole) for whole, _, _ in texts) + MORE_DIGITS <= 18 - scale else 38
    question = f"{shown_name(column)} has up to {seen} decimals here; how many may it have? More are quarantined"
    return f"DECIMAL({precision},{scale})  # decide: {question}"


def _is_always_there(column: str, samples: Samples) -> bool:
    """Whether every row of the samples has a value, where the contract would look for it."""
    everywhere = len(samples.holders[column]) == len(samples.labels)
    return everywhere and None not in samples.columns[column]


def _only_in(holders: list[str], labels: list[str]) -> str:
    """A mark on a column that not all samples have."""
    if len(holders) == len(labels):
        return ""
    more = f" and {len(holders) - NAMED} more" if len(holders) > NAMED else ""
    return f"  # decide: only in {', '.join(holders[:NAMED])}{more}"


def _doubt(column: str, found: Guess, samples: Samples, other: Written | None) -> str:
    if other:
        return ""
    known = [value for value in samples.columns[column] if value is not None]
    doubt = doubt_of_json(known, found) if samples.are_json else None
    doubt = doubt or (words_question(known) if found.logical == "string" and not samples.are_json else None)
    doubt = doubt or (doubt_of_text(known) if found.logical == "string" and not samples.are_json else None)
    doubt = doubt or doubt_of_time(known, found)
    if found.logical == "number" and not samples.are_json and seems_grouped(known):
        doubt = "do its points divide thousands? Then it is an integer, with groupingMark `.`"
    return f"  # decide: {shown_name(column)}: {doubt}" if doubt else ""


def _or(others: Sequence[str]) -> str:
    return f"  # decide: or {', '.join(others)}" if others else ""


def _enum(column: str, values: Sequence[Any], found: Guess) -> Iterator[str]:
    known = [value for value in values if value is not None]
    different = list(dict.fromkeys(known)) if found.logical == "string" else []
    if not different or len(known) < ROWS_FOR_ENUM or len(different) > FEW_VALUES:
        return
    if len(different) * 4 > len(known) or max(map(len, different)) > LONGEST_ENUM:
        return
    yield f"        # decide: are these all values of {shown_name(column)}? As an enum, any other is quarantined"
    yield "        # enum:"
    yield from (f"        #   - value: {quoted(value)}" for value in sorted(different))


def _column_names(columns: Iterable[str]) -> dict[str, str]:
    """A distinct name in the warehouse for each column."""
    names: dict[str, str] = {}
    for column in columns:
        plain = plain_name(column)[:LONGEST_NAME]
        name = f"{plain}_" if column_name_problem(plain) else plain
        tries = (name if number == 1 else f"{name}_{number}" for number in count(1))
        names[column] = next(one for one in tries if one not in names.values())
    return names


def _tail() -> Iterator[str]:
    yield from (
        "",
        "# decide: who is notified, and how soon rows must be there",
        "# support:",
        '#   - channel: "#data"',
        "#     tool: slack",
        "# slaProperties:",
        "#   - {property: latency, value: 15, unit: min}",
    )
