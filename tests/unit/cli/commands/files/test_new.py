"""`headrace new`: a draft of a contract from samples, which then pass it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from headrace.domain.contract import Column, Kind
from headrace_compiler import compile_contract
from tests.unit.cli.conftest import RunJson, RunText

SIZES = ["S", "M", "L"]
ROWS = [
    f'P{n};{n % 28 + 1:02}/0{n % 9 + 1}/2024;{SIZES[n % 3]};{n}.{n % 10}0;{"NA" if n == 7 else n};"x; {n}"'
    for n in range(1, 101)
]
CSV = "\n".join(["Parcel Id;sentOn;size;weight;count;order", *ROWS]) + "\n"


def columns(path: Path) -> dict[str, Column]:
    return {column.name: column for column in compile_contract(path).named_columns}


def test_a_contract_from_delimited_text(checkout: Path, run_json: RunJson) -> None:
    sample = checkout / "a.csv"
    sample.write_text(CSV)
    code, document = run_json("new", "parcels", str(sample))
    path = checkout / "contracts" / "parcels.odcs.yaml"
    assert (code, document["contract"]) == (0, str(path))
    assert [(s["rows_read"], s["rows_good"], s["reason"]) for s in document["samples"]] == [(100, 100, None)]
    contract = compile_contract(path)
    assert (contract.format.delimiter, contract.format.null_tokens) == (";", ("", "NA"))
    assert contract.primary_key == ()
    found = columns(path)
    assert list(found) == ["parcel_id", "sent_on", "size", "weight", "count", "order_"]
    assert [c.kind for c in found.values()] == [
        Kind.STRING,
        Kind.DATE,
        Kind.STRING,
        Kind.DECIMAL,
        Kind.INTEGER,
        Kind.STRING,
    ]
    assert found["sent_on"].formats == ("dd/MM/yyyy",)
    assert found["weight"].redshift_type == "DECIMAL(18,4)"
    assert not any(column.enum or column.required for column in found.values())
    decide = [item["text"] for item in document["decide"]]
    assert decide[1].startswith("Parcel Id is different in all 100 rows of the samples (so is order, sentOn): if it is")
    assert decide[2:] == [
        "no row of the samples lacks Parcel Id, sentOn, size, weight, order: put `required: true` where none may",
        "are these all values of size? As an enum, any other is quarantined",
        "weight has up to 2 decimals here; how many may it have? More are quarantined",
        "who is notified, and how soon rows must be there",
    ]
    assert '        # enum:\n        #   - value: "L"\n' in path.read_text()


def test_a_date_that_may_be_read_in_two_ways_is_to_be_decided(checkout: Path, run_json: RunJson) -> None:
    (checkout / "a.csv").write_text("id,on\n1,01/02/2024\n2,03/04/2024\n")
    _, document = run_json("new", "days", "a.csv")
    assert "or MM/dd/yyyy" in [item["text"] for item in document["decide"]]


JSON_ROWS = [
    {"id": n, "zip": "0123", "at": "2024-01-01T00:00:00Z", "paid": n % 2 == 0, "lines": [{"sku": "a"}], "price": n / 4}
    for n in range(1, 20)
]
SAMPLES: dict[str, bytes] = {
    "lines.jsonl": "\n".join(map(json.dumps, JSON_ROWS)).encode(),
    "array.json": json.dumps(JSON_ROWS, indent=1).encode(),
    "gzip.csv.gz": gzip.compress(CSV.encode()),
    "latin.csv": ("id\tname\n" + "".join(f"{n}\tJürgen\n" for n in range(20))).encode("latin-1"),
    "utf16.csv": "id|name\n1|ü\n2|b\n".encode("utf-16"),
    "no header.csv": b"1,2024-01-01,a\n2,2024-01-02,b\n",
    "quoted lines.csv": b'id,text\n1,"a\nb"\n2,"c, ""d"""\n',
    "crlf.csv": b"id,flag,n\r\n1,true,1e5\r\n2,FALSE,0.123456\r\n",
    "leading zeros.csv": b"zip,yes\n01234,1\n98765,2\n",
    "one column.csv": b"word\nalpha\nbeta\n",
    "empty column.csv": b"id,nothing\n1,\n2,\n",
    "comments.csv": b"# made by a machine\n# twice\nid,name\n1,a\n# a break\n2,b\n",
    "marked names.csv": b"#id,name\n1,a\n2,b\n",
    "names alike.jsonl": b'{"a b": 1, "A_B": 2, "aB": 3}\n{"a b": 2, "A_B": 2, "aB": 3}\n',
    "dots.jsonl": b'{"id": 1, "x.y": 2}\n{"id": 2, "x.y": 3}\n',
}


@pytest.mark.parametrize("name", SAMPLES)
def test_check_accepts_the_samples(name: str, checkout: Path, run_json: RunJson) -> None:
    sample = checkout / name
    sample.write_bytes(SAMPLES[name])
    code, document = run_json("new", "things", str(sample))
    assert code == 0
    (checked,) = document["samples"]
    assert checked["reason"] is None
    assert checked["rows_bad"] == 0
    assert checked["rows_good"] > 1
    _, again = run_json("check", str(sample), "--contract", document["contract"])
    assert again["rows_good"] == checked["rows_good"]


def test_json_keeps_its_types(checkout: Path, run_json: RunJson) -> None:
    (checkout / "a.jsonl").write_bytes(SAMPLES["lines.jsonl"])
    _, document = run_json("new", "things", "a.jsonl")
    kinds = [column.kind for column in columns(Path(document["contract"])).values()]
    assert kinds == [Kind.INTEGER, Kind.STRING, Kind.TIMESTAMP, Kind.BOOLEAN, Kind.SUPER, Kind.DECIMAL]


def test_of_a_large_array_the_elements_that_were_read_are_enough(
    checkout: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace_compiler.draft.text.READ_BYTES", 1000)
    (checkout / "a.json").write_text(json.dumps(JSON_ROWS * 2000))
    code, document = run_json("new", "things", "a.json")
    assert (code, document["columns"]) == (0, 6)


def test_what_the_samples_do_not_keep_is_shown_how_to_see(checkout: Path, run_text: RunText) -> None:
    (checkout / "a.csv").write_text("id,name\n1,a\n2\n3,c\n")
    _, text = run_text("new", "things", "a.csv")
    assert "a.csv: 2 of 3 rows good" in text
    assert "headrace check a.csv --contract" in text


def test_european_integers_are_drafted(checkout: Path, run_json: RunJson) -> None:
    (checkout / "a.csv").write_text("id;n\na;1.234.567\nb;2.345.678\n")
    code, document = run_json("new", "things", "a.csv")
    assert (code, document["samples"][0]["rows_good"]) == (0, 2)
    assert columns(Path(document["contract"]))["n"].kind is Kind.INTEGER


def test_a_draft_with_mistakes_is_not_left_behind(
    checkout: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "a.csv").write_text("id\n1\n2\n")
    monkeypatch.setattr("headrace_compiler.draft.contract.draft", lambda *_: "kind: Nothing\n")
    code, document = run_json("new", "things", "a.csv")
    assert (code, "was not kept" in document["error"]) == (1, True)
    assert not (checkout / "contracts" / "things.odcs.yaml").exists()


def test_a_contract_that_is_there_is_left_alone(checkout: Path, run_json: RunJson) -> None:
    (checkout / "a.csv").write_text("id\n1\n2\n")
    run_json("new", "things", "a.csv")
    code, document = run_json("new", "things", "a.csv")
    assert code == 1
    assert "already exists" in document["error"]


def test_reads_well(checkout: Path, run_text: RunText) -> None:
    (checkout / "a.csv").write_text(CSV)
    _, text = run_text("new", "parcels", "a.csv")
    assert "To decide:" in text
    assert "a.csv: 100 of 100 rows good" in text
