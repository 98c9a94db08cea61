"""The table of formats is whole: each has a reader, a sampler where its rows name their columns, and its docs."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.domain.contract import FileFormat
from headrace.domain.files.formats import FORMATS, NAMES, common_format, format_that_begins
from headrace.transform.readers import DOCUMENTS, READERS, SAMPLES, documents
from headrace_compiler.compile.servers import OF_SERVER
from headrace_compiler.document import custom

CONTRACTS_PAGE = Path(__file__).parents[3] / "docs" / "contracts.md"


def test_each_format_has_a_reader_and_no_reader_is_without_format() -> None:
    assert READERS.keys() == FORMATS.keys()
    assert DOCUMENTS.keys() == {name for name, made in FORMATS.items() if made.typed and not made.binary}
    assert SAMPLES.keys() == {name for name, made in FORMATS.items() if made.binary}
    assert all(FORMATS[name].no_rows for name in (*DOCUMENTS, *SAMPLES))


def test_each_format_is_on_the_page_of_contracts() -> None:
    row = next(line for line in CONTRACTS_PAGE.read_text().splitlines() if line.startswith("| `format` |"))
    assert [name for name in NAMES if f"`{name}`" not in row] == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_refuses_only_options_that_there_are(name: str) -> None:
    assert set(FORMATS[name].lacks) <= {*OF_SERVER, *custom.SERVER}


def test_formats_are_told_apart_by_how_they_begin() -> None:
    begun = {'{"id": 1}\n': "jsonl", '[{"id": 1}]': "json", "id,name\n": "csv", "": "csv", "{id}\n": "csv"}
    assert {text: format_that_begins(text.encode()).name for text in begun} == begun


def test_a_format_that_contains_another_is_common_to_both() -> None:
    json, lines, csv = FORMATS["json"], FORMATS["jsonl"], FORMATS["csv"]
    assert common_format(json, lines) is common_format(lines, json) is json
    assert common_format(lines, lines) is lines
    assert common_format(csv, json) is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("jsonl", b'{"id": 1}\nno JSON\n\n7\n{"id": 2}'),
        ("jsonl", b'{"id": 1}\r\n{"id": 2}\r\n{"id": '),
        ("json", b' [{"id": 1}, 7, {"id": 2}]'),
        ("json", b'[{"id": 1}, {"id": 2}, {"id": '),
        ("json", b'{"id": 1}\n{"id": 2}\n'),
    ],
)
def test_a_sample_gives_its_objects_even_where_it_is_cut_off(kind: str, text: bytes) -> None:
    assert list(documents(text, FileFormat(kind))) == [{"id": 1}, {"id": 2}]
