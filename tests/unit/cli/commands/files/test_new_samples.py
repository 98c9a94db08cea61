"""`headrace new`: which samples make a contract together, what is asked about them, and which are refused."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

from headrace.domain.contract import Contract, Kind
from headrace.domain.writing import Writing
from headrace_compiler import compile_contract
from tests.unit.cli.conftest import RunJson

COMMAS = b"id,name,on\n1,a,2024-01-01\n2,b,2024-01-02\n"


def zipped(**members: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        for name, content in members.items():
            target.writestr(f"{name}.csv", content)
    return archive.getvalue()


def made(run_json: RunJson, **samples: bytes) -> tuple[Contract, list[str]]:
    """The contract of samples that it keeps, and what is to be decided about them."""
    for name, data in samples.items():
        Path(name).write_bytes(data)
    code, document = run_json("new", "things", *samples)
    assert code == 0, document
    assert [checked["reason"] for checked in document["samples"]] == [None] * len(samples)
    return compile_contract(Path(document["contract"])), [item["text"] for item in document["decide"]]


def test_several_samples_make_one_contract(checkout: Path, run_json: RunJson) -> None:
    contract, decide = made(run_json, a=b"id,n\n1,5\n2,6\n", b=b"n,id,extra\n1.5,3,x\n,4,y\n")
    found = {column.name: column for column in contract.named_columns}
    assert (found["n"].kind, found["n"].required, found["extra"].required) == (Kind.DECIMAL, False, False)
    assert "only in b" in decide


def test_of_many_samples_three_are_named(checkout: Path, run_json: RunJson) -> None:
    more = {f"s{number}": b"id,n\n1,5\n" for number in range(5)}
    _, decide = made(run_json, a=b"id\n1\n2\n", **more)
    assert "only in s0, s1, s2 and 2 more" in decide


def test_json_lines_and_an_array_are_both_json(checkout: Path, run_json: RunJson) -> None:
    contract, _ = made(run_json, a=b'{"id": 1}\n{"id": 2}\n', b=b'[{"id": 3}]')
    assert contract.format.kind == "json"


def test_a_sample_may_be_the_first_that_is_not_ascii(checkout: Path, run_json: RunJson) -> None:
    contract, _ = made(run_json, a=COMMAS, b="id,name,on\n3,J\xfcrgen,\n4,K\xf6ln,\n".encode("latin-1"))
    assert contract.format.encoding == "cp1252"


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (COMMAS, COMMAS.replace(b",", b";"), "b has another header or delimiter than a: 'id;name;on'"),
        (COMMAS, b"1,a,2024-01-01\n2,b,2024-01-02\n", "b has another header or delimiter than a"),
        (b"1,a\n2,b\n", b"1,a,c\n", "b has 3 fields in a line, a has 2"),
        (b"1,a\n2,b\n", b"id,name\n1,a\n", "b begins with a header, a does not"),
        (b'{"id": 1}\n', b'{"when": 1}\n', "b has other keys than a"),
        (COMMAS, b'{"id": 1}\n', "b is JSON, a is delimited text"),
        (COMMAS + "3,ü,\n".encode(), COMMAS + b"3,\xfc,\n", "b is neither"),
        (COMMAS, zipped(x=COMMAS, y=b"when,where\n1,2\n"), "y.csv in b has another header"),
        (COMMAS, b"", "b: the file is empty"),
        (COMMAS, b"id,name,id\n1,a,2\n", "b: the header names 'id' twice"),
    ],
)
def test_samples_of_two_tables_are_refused(
    first: bytes, second: bytes, says: str, checkout: Path, run_json: RunJson
) -> None:
    Path("a").write_bytes(first)
    Path("b").write_bytes(second)
    code, document = run_json("new", "things", "a", "b")
    assert code == 1
    assert says in document["error"]


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"country,2022,2023\nFR,10,20\nDE,11,21\n", ["country", "2022", "2023"]),
        (b"country,2024-01-01,2024-01-02\nFR,1,2\n", ["country", "2024-01-01", "2024-01-02"]),
        (b"id,name\n1,a\n", ["id", "name"]),
        (b"a,b\nx,y\n", ["a", "b"]),
        (b" \n\r\n\ta\tb\n0\tx\ty\n", ["a", "b"]),
        (b"[id],[n]\n1,2\n", ["[id]", "[n]"]),
        (b"name,size\nsize,name\nsize,name\n", ["name", "size"]),
    ],
)
def test_a_first_line_over_other_values_is_a_header(
    data: bytes, names: list[str], checkout: Path, run_json: RunJson
) -> None:
    contract, _ = made(run_json, a=data)
    assert contract.format.header is True
    assert [column.source for column in contract.named_columns] == names


@pytest.mark.parametrize(
    ("data", "doubt"),
    [
        (b"1,a\n2,b\n", "'1' in the first line looks like a value"),
        (b"2022,a\n2023,b\n", "'2022' in the first line looks like a value"),
        (b"id,5\n1,6\n", "'5' in the first line looks like a value"),
        (b"a,a\nx,y\n", "'a' is twice in the first line"),
        (b"a,\nx,y\n", "a field of the first line is empty"),
        (b"NA,x\n1,y\n3,x\n4,x\n", "'x' of the first line also occurs below it"),
        (b"1,2024-01-01\n", "'1' in the first line looks like a value"),
    ],
)
def test_what_speaks_against_a_header_is_told(data: bytes, doubt: str, checkout: Path, run_json: RunJson) -> None:
    contract, decide = made(run_json, a=data)
    assert contract.format.header is False
    assert doubt in decide


@pytest.mark.parametrize("data", [b",name,amount\n0,a,1.5\n1,b,2.5\n", b",name\n0,a\n1,b\n", b",name\n0,a\n"])
def test_a_field_without_a_name_is_left_to_unknown(data: bytes, checkout: Path, run_json: RunJson) -> None:
    contract, decide = made(run_json, a=data)
    assert "name" in [column.source for column in contract.named_columns]
    assert "" not in [column.source for column in contract.named_columns]
    assert "a, the header has no name for field 1: what it holds is kept in _unknown" in decide


def test_a_column_that_a_lone_header_lacks_may_be_missing(checkout: Path, run_json: RunJson) -> None:
    contract, decide = made(run_json, a=b"x,id\n1,2\n1,3\n", b=b"x\n")
    assert "no row of the samples lacks x: put `required: true` where none may" in decide
    assert contract.primary_key == ()


def test_a_key_with_a_dot_is_no_primary_key(checkout: Path, run_json: RunJson) -> None:
    contract, _ = made(run_json, a=b'{"x.id": 1, "n": 1}\n{"x.id": 2, "n": 1}\n')
    assert contract.primary_key == ()


@pytest.mark.parametrize(("odd", "kind"), [(b"\0", Kind.INTEGER), (b"\x03", Kind.STRING)])
def test_a_row_with_a_byte_that_no_text_has_is_told(odd: bytes, kind: Kind, checkout: Path, run_json: RunJson) -> None:
    """A row with a NUL is bad whatever the contract says, so only of the others something is learnt."""
    rows = [b"id,name", b"1,a", b"x" + odd + b",b", b"3,c", b"4," + odd, b"5,e", b"6,f"]
    contract, decide = made(run_json, a=b"\n".join(rows))
    assert [column.kind for column in contract.named_columns] == [kind, Kind.STRING]
    assert f"a, line 3 holds byte 0x{odd[0]:02x}, which no text has, and so do 1 more" in decide


@pytest.mark.parametrize(
    ("values", "doubt"),
    [
        (["1", "2", "3", "Total"], "but for 'Total' it would be integer; is that line no row? See footerLines"),
        (
            ["2024-01-01", "2024-01-02", "2024-01-04", "never"],
            "but for 'never' it would be date; is that line no row? See footerLines",
        ),
        (["1,5", "2.250,25", "2,250.5"], "numbers with commas in several ways: see decimalMark and groupingMark"),
        (["1", "2", "3", "007"], None),
        (["1", "2", "a", "b"], None),
        (["1", "a"], None),
        (
            [*map(str, range(1000)), "(rows)"],
            "but for '(rows)' it would be integer; is that line no row? See footerLines",
        ),
        (
            ["[l/s]", "1", "2", "3"],
            "but for '[l/s]' it would be integer; are those units, and no row? See skipAfterHeader",
        ),
        (["1", "2", "x", "3", "4"], "but for 'x' it would be integer"),
    ],
)
def test_text_that_could_be_something_else_is_told(
    values: list[str], doubt: str | None, checkout: Path, run_json: RunJson
) -> None:
    rows = [f"k{number};{value}" for number, value in enumerate(values)]
    contract, decide = made(run_json, a="\n".join(["id;x", *rows]).encode())
    assert contract.named_columns[1].kind is Kind.STRING
    assert [text for text in decide if text.startswith(("x: but for", "x: numbers with"))] == (
        [f"x: {doubt}"] if doubt else []
    )


@pytest.mark.parametrize(
    ("values", "kind", "writing", "question"),
    [
        (["3,75", "2.950,10"], Kind.DECIMAL, Writing(",", "."), "'3,75' is read as 3.75"),
        (["4,812", "640"], Kind.INTEGER, Writing(grouping_mark=","), "'4,812' is read as 4812; or as 4.812"),
        (
            ["$4.70", "(81.15)", "-$2"],
            Kind.DECIMAL,
            Writing(units=("$",), negatives=("parentheses",)),
            "is read as 4.70",
        ),
        (["12%", "7.5%"], Kind.DECIMAL, Writing(percent="number"), "with `percent: fraction` 1% is 0.01"),
        (["7\u00a0890,12", "1"], Kind.DECIMAL, Writing(",", "blank"), "is read as 7890.12"),
        (["12 ", " 7"], Kind.INTEGER, Writing(trim=True), "which trim takes away"),
        (["31-DEC-99", "01-JAN-24"], Kind.DATE, Writing(first_year=1970), "two digits mean 1970 to 2069"),
        (["03/09/2021 12:15:00 AM", "08/21/2022 06:40:00 PM"], Kind.TIMESTAMP, Writing(), ""),
        (["J", "N"], Kind.STRING, Writing(), "do J and N mean true and false?"),
        (["A1", "B2"], Kind.STRING, Writing(), ""),
    ],
)
def test_values_in_another_than_the_usual_way_are_learnt(
    values: list[str], kind: Kind, writing: Writing, question: str, checkout: Path, run_json: RunJson
) -> None:
    rows = [f"k{number};{value}" for number, value in enumerate(values)]
    contract, decide = made(run_json, a="\n".join(["id;x", *rows]).encode())
    assert (contract.named_columns[1].kind, contract.named_columns[1].writing) == (kind, writing)
    asked = [text for text in decide if text.startswith("x: ")]
    assert [question in text for text in asked] == ([True] if question else [])
    code, document = run_json("check", "a", "--contract", "contracts/things.odcs.yaml")
    assert (code, document["rows_good"]) == (0, len(values)), document


@pytest.mark.parametrize(
    ("rows", "kind", "asks"),
    [
        (
            ["1.101;1,5", "2.102;2,5"],
            Kind.INTEGER,
            "d: '1.101' is read as 1101, since another column has decimal commas",
        ),
        (["1.101;x", "20;y"], Kind.DECIMAL, "d: do its points divide thousands?"),
        (["1.101;x", "0.102;y"], Kind.DECIMAL, None),
        (["1.101;1,5", "2.10;2,5"], Kind.DECIMAL, None),
    ],
)
def test_points_that_may_divide_thousands_are_asked_about(
    rows: list[str], kind: Kind, asks: str | None, checkout: Path, run_json: RunJson
) -> None:
    data = "\n".join(["id;d;x", *(f"k{number};{row}" for number, row in enumerate(rows))])
    contract, decide = made(run_json, a=data.encode())
    assert contract.named_columns[1].kind is kind
    assert [text.startswith(asks or "") for text in decide if text.startswith("d: ")] == [True] * bool(asks)
    code, document = run_json("check", "a", "--contract", "contracts/things.odcs.yaml")
    assert (code, document["rows_good"]) == (0, 2), document


def test_several_currencies_are_no_column_of_numbers(checkout: Path, run_json: RunJson) -> None:
    contract, decide = made(run_json, a=b"id,x\na,USD 1.50\nb,EUR 2.50\n")
    assert (contract.named_columns[1].kind, contract.named_columns[1].writing) == (Kind.STRING, Writing())
    assert any(text.startswith("x: numbers in USD, EUR: one column of numbers would mix them") for text in decide)


def test_how_many_decimals_are_asked_of_commas_as_of_points(checkout: Path, run_json: RunJson) -> None:
    contract, decide = made(run_json, a=b"id;x;y\na;1,5;1.5\nb;2,5;2.5\n")
    assert [column.redshift_type for column in contract.named_columns[1:]] == ["DECIMAL(18,4)"] * 2
    assert sum("has up to 1 decimals here" in text for text in decide) == 2


def test_a_name_in_the_header_may_have_a_line_end(checkout: Path, run_json: RunJson) -> None:
    contract, _ = made(run_json, a=b'part,"net\nweight"\n11,2\n12,4\n')
    assert [column.source for column in contract.named_columns] == ["part", "net\nweight"]
    code, document = run_json("check", "a", "--contract", "contracts/things.odcs.yaml")
    assert (code, document["rows_good"]) == (0, 2)


def test_names_too_long_for_redshift_are_cut(checkout: Path, run_json: RunJson) -> None:
    contract, _ = made(run_json, a=f"{'x' * 200},{'x' * 201}\n1,2\n".encode())
    assert [len(column.name) for column in contract.named_columns] == [122, 124]


def test_json_keys_without_a_name_are_left_to_unknown(checkout: Path, run_json: RunJson) -> None:
    contract, decide = made(run_json, a=b'{"": 1, "b": 2}\n{"b": 3}\n')
    assert [column.source for column in contract.named_columns] == ["b"]
    assert "a, a key has no name: what it holds is kept in _unknown" in decide


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("Things", b"id\n1\n", "lower case letters, digits and underscores, a letter first: call it things"),
        ("9x", b"id\n1\n", "call it c_9x"),
        ("select", b"id\n1\n", "call it select_ or a better word"),
        ("t" * 61, b"id\n1\n", "longer than 60 characters"),
        ("things", b"PAR1", "Parquet"),
        ("things", b"", "a: the file is empty"),
        ("things", b"  \n \n", "a: the file contains only blanks"),
        ("things", b",,\n,,\n", "the samples hold no values"),
        ("things", bytes(range(256)), "a: the file is not text: line 1 holds byte 0x00"),
        ("things", random.Random(1).randbytes(5000), "a: the file is not text"),
        ("things", "id,n\n1,2\n".encode("utf-16-le")[:-1], "middle of a character"),
        ("things", b'{\n "id": 1\n}\n', "an object over several lines is not a row"),
        ("things", b"[1, 2]", "contains no objects"),
        ("things", b"id,name\n", "a: only a header, no rows to learn from"),
        ("things", b'id,n\n1,="007"\n', 'a: no row below the header can be read, ="…" is for excelText'),
        ("things", b'id,n\n1,a"b"\n', "a: no row below the header can be read"),
        ("things", b"id,name,name\n1,a,b\n", "a: the header names 'name' twice"),
        ("things", b"Report\n\nid,,b\n1,,3\n", "the first line has 1 field, the others 3: is it a preamble?"),
        (
            "things",
            b'id,"n\nid,n\n1,2\n',
            "the first line cannot be read: a quoted value is never closed",
        ),
        ("things", b"id,n\n1,2,\n2,3,\n", "rows end with a delimiter: end the header with one too"),
        ("things", b"<!DOCTYPE html>\n<p>\n", "a: the file is HTML or XML, not rows"),
        ("things", b'"a\n', "no line can be read as a row"),
    ],
)
def test_what_makes_no_contract(name: str, data: bytes, says: str, checkout: Path, run_json: RunJson) -> None:
    Path("a").write_bytes(data)
    code, document = run_json("new", name, "a")
    assert code == 1
    assert says in document["error"]
    assert not list(Path("contracts").iterdir())


def test_a_sample_that_its_contract_rejects_makes_the_exit_code_1(
    checkout: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace_compiler.draft.text.READ_BYTES", 1000)
    monkeypatch.setattr("headrace_compiler.draft.text.PIECE", 1000)
    rows = "".join(f"{number},{number * 7919 % 99991}\n" for number in range(100_000))
    Path("a.csv.gz").write_bytes(gzip.compress(f"id,n\n{rows}".encode())[:-100])
    code, document = run_json("new", "things", "a.csv.gz")
    assert code == 1
    assert "cut off" in document["samples"][0]["reason"]
    assert Path(document["contract"]).exists()


QUAKES = [
    {"type": "Feature", "id": f"q{n}", "geometry": {"type": "Point", "coordinates": [1.5, n]},
     "properties": {"mag": 4.5, "time": 1_700_000_000_000 + n, "place": {"name": "sea", "country": None}}}
    for n in range(60)
]  # fmt: skip


def test_what_is_nested_is_laid_out(checkout: Path, run_json: RunJson) -> None:
    contract, decide = made(run_json, a="\n".join(map(json.dumps, QUAKES)).encode())
    assert [(column.source, column.name) for column in contract.named_columns] == [
        ("type", "type_"), ("id", "id"), ("geometry.type", "geometry_type"),
        ("geometry.coordinates", "geometry_coordinates"), ("properties.mag", "properties_mag"),
        ("properties.time", "properties_time"), ("properties.place.name", "properties_place_name"),
        ("properties.place.country", "properties_place_country"),
    ]  # fmt: skip
    assert any(text.startswith("the fields of properties are columns; others that come in it later") for text in decide)
    assert (
        "properties.time: are these milliseconds since 1970? A timestamp of `format: epochMilliseconds` reads them"
        in decide
    )


@pytest.mark.parametrize("inner", ['{"2024-01-01": 1}', '{"a.b": 1}', "{}", "[1]"])
def test_what_is_no_record_stays_whole(inner: str, checkout: Path, run_json: RunJson) -> None:
    contract, _ = made(run_json, a=f'{{"id": 1, "x": {inner}}}\n{{"id": 2, "x": {inner}}}\n'.encode())
    assert [column.source for column in contract.named_columns] == ["id", "x"]


@pytest.mark.parametrize(
    ("document", "indent", "place"),
    [
        ({"type": "FeatureCollection", "features": QUAKES}, None, "features"),
        ({"type": "FeatureCollection", "features": QUAKES}, 1, "features"),
        ({"page": 1, "data": {"items": [{"id": 1}], "next": None}}, 1, "data.items"),
    ],
)
def test_the_rows_within_an_object_are_found(
    document: Any, indent: int | None, place: str, checkout: Path, run_json: RunJson
) -> None:
    data = json.dumps(document, indent=indent).encode()
    contract, decide = made(run_json, a=data, b=data)
    assert (contract.format.kind, contract.format.rows_at) == ("json", place)
    assert {column.source for column in contract.named_columns} >= {"id"}
    assert "what stands beside the rows is not read" in decide


def test_rows_within_an_object_that_no_contract_can_name_are_unwrapped_by_hand(
    checkout: Path, run_json: RunJson
) -> None:
    Path("a").write_text(json.dumps({"a.b": [{"id": 1}]}, indent=1))
    code, answer = run_json("new", "things", "a")
    assert code == 1
    assert "its rows are in 'a.b'. One row a line loads: jq -c '.a.b[]' a > a.jsonl" in answer["error"]


def test_one_object_in_one_line_may_be_a_row(checkout: Path, run_json: RunJson) -> None:
    _, decide = made(run_json, a=b'{"id": 1, "lines": [{"sku": "x"}, {"sku": "y"}]}\n')
    assert any("is its one object a row? If not, it is one object that wraps the rows" in text for text in decide)


@pytest.mark.parametrize(
    ("rows", "tokens", "said"),
    [
        (["DE,49", "FR,33", "NA,264"], ("",), "'NA' in iso2 is kept as a value: if it means nothing, add nullTokens"),
        (["DE,49", "FR,NA", "NA,264"], ("", "NA"), "'NA' means nothing in n: is it a value in iso2?"),
        (["DE,49", "FR,NA", "IT,264"], ("", "NA"), None),
    ],
)
def test_a_null_word_in_text_may_be_namibia(
    rows: list[str], tokens: tuple[str, ...], said: str | None, checkout: Path, run_json: RunJson
) -> None:
    contract, decide = made(run_json, a="\n".join(["iso2,n", *rows]).encode())
    assert contract.format.null_tokens == tokens
    assert [text for text in decide if "NA" in text] == ([said] if said else [])


def test_two_columns_may_be_the_key(checkout: Path, run_json: RunJson) -> None:
    rows = [f"{year},{country},{year * 7 % 5}" for year in (2001, 2002, 2003) for country in ("DE", "FR")]
    contract, decide = made(run_json, a="\n".join(["year,country,pop", *rows]).encode())
    assert contract.primary_key == ()
    assert any(text.startswith("year and country together are different in all 6 rows") for text in decide)


def test_texts_that_look_like_dates_and_columns_of_two_types_are_told(checkout: Path, run_json: RunJson) -> None:
    days = [f"D,May {day} 2001" for day in range(1, 20)]
    _, decide = made(run_json, a="\n".join(["s,on", "A,Foo 1 2000", "B,Mar 1 2000", *days]).encode())
    assert any("look like dates" in text for text in decide)
    Path("contracts/things.odcs.yaml").unlink()
    _, decide = made(run_json, b=b'{"title": "300"}\n{"title": 1941}\n')
    assert any(
        text.startswith("title: it has numbers and texts: as an object, SQL sees texts in quotes") for text in decide
    )


@pytest.mark.parametrize(
    ("data", "sources", "written"),
    [
        (b"tag,price\n#100,2.50\n#101,3.75\nX7,1.00\n", ["tag", "price"], {"comment": ""}),
        (b"# exported today\ntag,price\nX6,2.50\n# checked\nX7,1.00\n", ["tag", "price"], {"comment": "#"}),
        ("tag,pri\u0085ce\na,1\nb,2\n".encode(), ["tag", "pri\u0085ce"], {}),
        ("t\u009dag\ufffe,price\na,1\nb,2\n".encode(), ["t\u009dag\ufffe", "price"], {}),
        (b"tag,'place'\n1,'a,b'\n2,'c'\n", ["tag", "place"], {"quote": "'"}),
        (b"tag; place; note\n1; a; x\n2; c; y\n", ["tag", "place", "note"], {"delimiter": "; "}),
        (b"tag, place, note\n1, a, x\n2, c, y\n", ["tag", "place", "note"], {"delimiter": ", "}),
        (b'tag, place\n1, "a, b"\n2, "c"\n', ["tag", "place"], {"delimiter": ", "}),
        (b'tag place\n1 "a b"\n2 c\n', ["tag", "place"], {"delimiter": " "}),
        (b"tag,place\na b,c d\nc d,e f\n", ["tag", "place"], {"delimiter": ","}),
    ],
)
def test_a_draft_reads_its_sample_whatever_its_dialect(
    data: bytes, sources: list[str], written: dict[str, str], checkout: Path, run_json: RunJson
) -> None:
    contract, _ = made(run_json, a=data)
    assert [column.source for column in contract.named_columns] == sources
    assert {name: getattr(contract.format, name) for name in written} == written


@pytest.mark.parametrize(
    ("data", "above"),
    [
        (b"Sales,,\n,,\ntag,place,n\n1,a,5\n2,b,6\n", 2),
        (b"Report of May\n\ntag,place,n\n1,a,5\n2,b,6\n", 2),
        (b"Account;CH93\r\nFrom 1 to 31 May\r\ntag;place;n\r\n1;a;5\r\n2;b;6\r\n", 2),
        (b"sep=;\ntag;place;n\n1;a;5\n2;b;6\n", 1),
    ],
)
def test_lines_above_the_header_are_left_out(data: bytes, above: int, checkout: Path, run_json: RunJson) -> None:
    contract, decide = made(run_json, a=data)
    assert contract.format.skip_lines == above
    assert [column.source for column in contract.named_columns] == ["tag", "place", "n"]
    assert any("above the header: is it so in every file?" in text for text in decide)


def test_quotes_within_values_are_no_marks(checkout: Path, run_json: RunJson) -> None:
    """As in TPC-H's tables, whose lines a blank divides alike, too."""
    line = b'%d|Customer %d|3.5|to the even, "regular" platelets|\n'
    contract, _ = made(run_json, a=b"".join(line % (n, n) for n in range(6)))
    assert (contract.format.delimiter, contract.format.quote, len(contract.named_columns)) == ("|", "", 5)


def test_a_bad_row_does_not_make_quotes_a_part_of_values(checkout: Path, run_json: RunJson) -> None:
    data = b"id,name\n" + b'1,"a"\n' * 3 + b'2,x"y\n' * 2
    contract, _ = made(run_json, a=data)
    assert (contract.format.delimiter, contract.format.quote) == (",", '"')


def test_text_of_postgres_copy_is_known_by_its_nulls_and_escapes(checkout: Path, run_json: RunJson) -> None:
    contract, decide = made(run_json, a=b'id\tnote\n1\t\\N\n2\ta\\tb\n3\tsays "x\n')
    written = contract.format
    assert (written.quote, written.escape, written.escapes) == ("", "\\", "sequences")
    assert "\\N" in written.null_tokens
    assert any("are read as PostgreSQL and MySQL write them" in text for text in decide)


def test_a_column_of_nothing_but_copys_null_is_empty(checkout: Path, run_json: RunJson) -> None:
    contract, _ = made(run_json, a=b"id,fax\n1,\\N\n2,\\N\n")
    assert "\\N" in contract.format.null_tokens


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (("Jan 2 2026", "November 20 2026"), None),
        (("Jan 2 2026", "Nov 20 2026"), "MMM d yyyy"),
        (("2026.01.02", "2026.11.20"), "yyyy.M.d"),
        (("2-1-2026", "20-11-2026"), "d-M-yyyy"),
        (("Thursday, January 1, 2026", "Friday, January 2, 2026"), "EEEE, MMMM d, yyyy"),
        (("10/Oct/2000:13:55:36 -0700", "11/Oct/2000:13:55:36 -0700"), "dd/MMM/yyyy:HH:mm:ss XX"),
        (("2026-01-02 03:04:05 UTC", "2026-01-02 23:04:05 UTC"), "yyyy-M-d H:mm:ss 'UTC'"),
        (("2026-01-02 3:04 PM", "2026-01-02 11:04 AM"), "yyyy-M-d h:mm a"),
        (("2026-01-02-03.04.05.123456", "2026-11-02-03.04.05.123456"), "yyyy-MM-dd-HH.mm.ss.S*"),
    ],
)
def test_times_are_known_however_they_are_written(
    values: tuple[str, ...], written: str | None, checkout: Path, run_json: RunJson
) -> None:
    contract, _ = made(run_json, a="\n".join(["id;at", *(f"{n};{at}" for n, at in enumerate(values)), ""]).encode())
    (column,) = [column for column in contract.named_columns if column.source == "at"]
    assert column.formats[:1] == (() if written is None else (written,))


@pytest.mark.parametrize(("values", "kind"), [(("20260102", "20261120", "20261231"), "date"),
                                              (("20260102030405", "20260102030406", "20260102030407"), "timestamp"),
                                              (("20260102", "20261320", "20261231"), None)])  # fmt: skip
def test_times_that_are_integers_are_asked_about(
    values: tuple[str, ...], kind: str | None, checkout: Path, run_json: RunJson
) -> None:
    _, decide = made(run_json, a="\n".join(["id,at", *(f"{n},{at}" for n, at in enumerate(values)), ""]).encode())
    assert any(f"are these {kind}s? `logicalType: {kind}`" in text for text in decide) == (kind is not None)


def test_names_lose_their_accents_and_values_are_shown_as_they_look(checkout: Path, run_json: RunJson) -> None:
    text = "Größe,densité,Łódź\n" + "".join(f'1,"1\u00a0{n:03},5",2\n' for n in range(100, 104))
    contract, decide = made(run_json, a=text.encode())
    assert [column.name for column in contract.named_columns] == ["grosse", "densite", "lodz"]
    assert any("'1 100,5' is read as 1100.5" in question for question in decide)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'tag,"place,note,"x"\n1,a,2021-01-01,z\n2,b,2021-01-02,z\n', "the first line cannot be read"),
        (b'"p";"q"\n"1";10;20\n"2";11;21\n', "lack the first field's name, as R writes row names?"),
        (b"WHEN,Qty,Note\n2021-01-01,10:00,5,\n2021-01-01,10:10,6,\n", "if it is the first that lacks one"),
        (b"p,q,\n1,2\n3,4\n", "the header ends with a delimiter, the rows do not"),
    ],
)
def test_a_first_line_that_is_not_the_header_of_its_rows_is_refused_with_what_it_may_be(
    data: bytes, says: str, checkout: Path, run_json: RunJson
) -> None:
    Path("a").write_bytes(data)
    code, document = run_json("new", "things", "a")
    assert code == 1
    assert says in document["error"]


def test_rows_that_are_none_teach_nothing_and_are_asked_about(checkout: Path, run_json: RunJson) -> None:
    Path("a").write_bytes(b'tag,place\n1,x\n,\ntag,place\n2,"y \\"z\\""\n3,w\n')
    _, document = run_json("new", "things", "a")
    decide = [item["text"] for item in document["decide"]]
    assert "a, the header stands among the rows again (1): such rows are quarantined" in decide
    assert "a, \\ stands before a quote: is it an escape? If so, add the customProperty escape" in decide
    assert any(text.startswith("no row of the samples lacks tag, place") for text in decide)
    assert compile_contract(Path("contracts/things.odcs.yaml")).named_columns[0].kind is Kind.INTEGER
