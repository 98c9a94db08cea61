"""Parquet: typed columns are taken exactly, by the rules of any contract, or row or file are refused with a reason."""

from __future__ import annotations

import gzip
import io
import json
import math
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from headrace.domain.contract import UNKNOWN_COLUMN, Column, Contract, Kind, RowRule
from headrace.domain.ingest.replay import object_key
from headrace.domain.writing import Writing
from headrace.transform import FileRejected, FileTransform, Limits
from headrace.transform.rebuild import frame_of, rows_good_now
from headrace.transform.split.head import read_head

from ..kit import Read, column, contract, decimal, integer, moment, number, read, text

UNKNOWN = Column(UNKNOWN_COLUMN, "", Kind.SUPER, "SUPER", unknown=True)
AT, DAY, DOC = column("v", Kind.TIMESTAMP), column("v", Kind.DATE), column("v", Kind.SUPER)
NOON = moment(2024, 5, 31, 12, 0, 0, 250_000)
LOOSE = Writing(loose=True)


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, **options)
    return sink.getvalue()


def of(*columns: Column, **file_format: Any) -> Contract:
    return contract(*columns, kind="parquet", null_tokens=(), **file_format)


def one(values: pa.Array, wanted: Column, **file_format: Any) -> Read:
    """One column `v` beside a number."""
    data = parquet({"n": list(range(len(values))), "v": values})
    return read(of(integer("n"), wanted, **file_format), data)


FIT = {
    "int8": (pa.array([-128, None], pa.int8()), integer("v"), [-128, None]),
    "unsigned": (pa.array([2**63 - 1, 0], pa.uint64()), integer("v"), [2**63 - 1, 0]),
    "whole doubles": (pa.array([42.0, -(2.0**40)]), integer("v"), [42, -(2**40)]),
    "whole decimals": (pa.array([Decimal("42.00")]), integer("v", 16), [42]),
    "decimals without scale": (pa.array([Decimal(7)], pa.decimal128(38, 0)), integer("v", 32), [7]),
    "decimals of another scale": (pa.array([Decimal("1.500")]), decimal("v", 4, 2), [Decimal("1.50")]),
    "wide decimals": (pa.array([Decimal("1.5")], pa.decimal256(60, 10)), decimal("v", 4, 2), [Decimal("1.50")]),
    "integers for decimals": (pa.array([12]), decimal("v", 4, 2), [Decimal("12.00")]),
    "doubles for decimals": (pa.array([0.1, 1e-2]), decimal("v", 4, 2), [Decimal("0.10"), Decimal("0.01")]),
    "floats for decimals": (pa.array([0.1], pa.float32()), decimal("v", 4, 2), [Decimal("0.10")]),
    "texts for decimals": (pa.array(["1.5"]), decimal("v", 4, 2), [Decimal("1.50")]),
    "floats": (pa.array([0.1], pa.float32()), number("v"), [0.10000000149011612]),
    "halves": (pa.array([1.5], pa.float16()), number("v"), [1.5]),
    "decimals for doubles": (pa.array([Decimal("0.1")]), number("v"), [0.1]),
    "integers for doubles": (pa.array([3]), number("v"), [3.0]),
    "booleans": (pa.array([True, False, None]), column("v", Kind.BOOLEAN), [True, False, None]),
    "texts": (pa.array(["é", "", None]), text("v"), ["é", "", None]),
    "long texts": (pa.array(["é"], pa.large_string()), text("v"), ["é"]),
    "texts in a dictionary": (pa.array(["é", "é"]).dictionary_encode(), text("v"), ["é", "é"]),
    "bytes that are text": (pa.array(["é".encode()]), text("v"), ["é"]),
    "texts of a fixed length": (pa.array([b"abc"], pa.binary(3)), text("v"), ["abc"]),
    "dates": (pa.array([date(1, 1, 1), date(9999, 12, 31)]), DAY, [date(1, 1, 1), date(9999, 12, 31)]),
    "midnights": (pa.array([moment(2024, 5, 31)], pa.timestamp("ns")), DAY, [date(2024, 5, 31)]),
    "milliseconds": (pa.array([NOON], pa.timestamp("ms")), AT, [NOON]),
    "nanoseconds": (pa.array([NOON], pa.timestamp("ns")), AT, [NOON]),
    "a time in UTC": (pa.array([NOON], pa.timestamp("us", "UTC")), AT, [NOON]),
    "a time in a zone": (pa.array([NOON], pa.timestamp("us", "America/New_York")), AT, [NOON]),
    "the last of times": (
        pa.array([moment(9999, 12, 31, 23, 59, 59, 999_999)], pa.timestamp("us")),
        AT,
        [moment(9999, 12, 31, 23, 59, 59, 999_999)],
    ),
    "a day for a time": (pa.array([date(2024, 5, 31)]), AT, [moment(2024, 5, 31)]),
    "a text for a time": (pa.array(["2024-05-31T12:00:00.25Z"]), AT, [NOON]),
    "a local time": (
        pa.array([NOON]),
        replace(AT, writing=Writing(zone="Europe/Berlin")),
        [NOON - timedelta(hours=2)],
    ),
    "a time beside a format for texts": (pa.array([NOON]), replace(AT, formats=("dd.MM.yyyy HH:mm",)), [NOON]),
    "numbers since 1970": (pa.array([86_400]), replace(AT, formats=("epochSeconds",)), [moment(1970, 1, 2)]),
    "a day for a text": (pa.array([date(2024, 5, 31)]), text("v"), ["2024-05-31"]),
    "a time of day for a text": (pa.array([time(1, 2, 3, 500_000)]), text("v"), ["01:02:03.5"]),
    "a time for a text": (pa.array([NOON], pa.timestamp("us", "UTC")), text("v", 40), ["2024-05-31T12:00:00.25Z"]),
    "a UUID for a text": (
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([uuid.UUID(int=7).bytes], pa.binary(16))),
        text("v", 40),
        [str(uuid.UUID(int=7))],
    ),
    "numbers for a text, loose": (pa.array([Decimal("1.50")]), replace(text("v"), writing=LOOSE), ["1.50"]),
    "texts for a number, loose": (pa.array(["15"]), replace(integer("v"), writing=LOOSE), [15]),
    "a struct": (pa.array([{"a": 1, "b": [1.5, None]}, None]), DOC, ['{"a":1,"b":[1.5,null]}', None]),
    "a map": (
        pa.array([[("k", 1), ('"', None)]], pa.map_(pa.string(), pa.int64())),
        DOC,
        [r'{"k":1,"\"":null}'],
    ),
    "a map of numbers": (pa.array([[(1, "x")]], pa.map_(pa.int64(), pa.string())), DOC, ['[{"key":1,"value":"x"}]']),
    "lists of lists": (pa.array([[[1], []], []]), DOC, ["[[1],[]]", "[]"]),
    "JSON in a text": (pa.array(['{"a": 1}']), DOC, ['{"a": 1}']),
    "no type": (pa.nulls(2), integer("v"), [None, None]),
}  # fmt: skip


@pytest.mark.parametrize("name", FIT)
def test_values_that_fit_exactly_are_taken(name: str) -> None:
    values, wanted, expected = FIT[name]
    found = one(values, wanted)
    assert found.bad == []
    assert found.values("v") == expected


UNFIT = {
    "too large": (pa.array([40_000]), integer("v", 16), "physicalType"),
    "beyond all integers": (pa.array([2**64 - 1], pa.uint64()), integer("v"), "physicalType"),
    "a fraction for an integer": (pa.array([1.5]), integer("v"), "logicalType"),
    "more decimals": (pa.array([Decimal("1.001")]), decimal("v", 4, 2), "physicalType"),
    "more digits": (pa.array([Decimal("100.00")]), decimal("v", 4, 2), "physicalType"),
    "a third": (pa.array([1 / 3]), decimal("v", 4, 2), "physicalType"),
    "too large for a float": (pa.array([1e39]), number("v", 32), "physicalType"),
    "no number": (pa.array([math.nan]), number("v"), "logicalType"),
    "no number for a decimal": (pa.array([math.inf]), decimal("v", 4, 2), "logicalType"),
    "no number for a loose text": (pa.array([math.nan]), replace(text("v"), writing=LOOSE), "logicalType"),
    "a long text": (pa.array(["x" * 17]), text("v"), "physicalType"),
    "a NUL": (pa.array(["a\0b"]), text("v"), "encoding"),
    "bytes that are no text": (pa.array([b'\xff"\n']), text("v"), "encoding"),
    "a day that is no midnight": (pa.array([NOON]), DAY, "logicalType"),
    "finer than a microsecond": (pa.array([1], pa.timestamp("ns")), AT, "logicalType"),
    "beyond all years": (pa.array([2**60], pa.timestamp("us")), AT, "logicalType"),
    "clocks that go forward": (
        pa.array([moment(2024, 3, 31, 2, 30)]),
        replace(AT, writing=Writing(zone="Europe/Berlin")),
        "logicalType",
    ),
    "beyond all years for a text": (pa.array([2**62], pa.timestamp("ms")), text("v", 99), "logicalType"),
    "beyond all years in UTC": (pa.array([2**62], pa.timestamp("ms", "UTC")), text("v", 99), "logicalType"),
    "beyond all years for a day": (pa.array([2**62], pa.timestamp("ms")), DAY, "logicalType"),
    "a day beyond all years": (pa.array([2**31 - 1], pa.date32()), AT, "logicalType"),
    "no JSON": (pa.array(['1,"n":2']), DOC, "logicalType"),
    "a long document": (pa.array([["x" * 70_000]]), DOC, "physicalType"),
    "no number in a struct": (pa.array([{"a": math.nan}]), DOC, "json"),
    "a key twice": (pa.array([[("k", 1), ("k", 2)]], pa.map_(pa.string(), pa.int64())), DOC, "json"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNFIT)
def test_what_does_not_fit_costs_its_own_row(name: str) -> None:
    values, wanted, rule = UNFIT[name]
    around = pa.concat_arrays([pa.nulls(1, values.type), values, pa.nulls(1, values.type)])
    found = one(around, wanted)
    assert [(row, error) for row, _, error in found.errors()] == [(2, rule)]
    assert found.values("n", "v") == [(0, None), (2, None)]
    assert not any("the line is" in error.reason for row in found.bad for error in row.errors)


NEVER = {
    "texts for integers": (pa.array(["1"]), integer("v"), "the file has 'v' as text, of which no BIGINT"),
    "texts for booleans": (pa.array(["t"]), column("v", Kind.BOOLEAN), "jsonTypes: loose"),
    "numbers for texts": (pa.array([1]), text("v"), "'v' as int64, of which no VARCHAR(16) is made: its property may"),
    "numbers for times": (pa.array([1]), AT, "'v' as int64, of which no TIMESTAMP is made"),
    "booleans for numbers": (pa.array([True]), number("v"), "'v' as bool, of which no DOUBLE PRECISION is made"),
    "structs for texts": (pa.array([{"a": 1}]), text("v"), "'v' as struct<a: int64>, of which no VARCHAR(16)"),
}  # fmt: skip


@pytest.mark.parametrize("name", NEVER)
def test_a_type_of_which_nothing_is_made_fails_the_file(name: str) -> None:
    values, wanted, reason = NEVER[name]
    with pytest.raises(FileRejected, match="of which no") as raised:
        one(values, wanted)
    assert reason in raised.value.reason
    assert one(values.slice(0, 0), wanted).report.rows_read == 0
    assert one(pa.nulls(2, values.type), wanted).values("v") == [None, None]


BESIDE = {
    "nanoseconds": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns")),
    "a far day": pa.array([5_000_000], pa.date32()),
    "a far time": pa.array([2**60], pa.timestamp("us")),
    "a far time in UTC": pa.array([2**60], pa.timestamp("us", "UTC")),
    "a long duration": pa.array([2**62], pa.duration("s")),
    "a struct that has a name twice": pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]),
}


@pytest.mark.parametrize("name", BESIDE)
def test_values_that_python_does_not_have_may_stand_beside_bad_ones(name: str) -> None:
    data = parquet({"x": [math.nan], "t": pa.array([b"\xff"]), "beside": BESIDE[name]})
    assert read(of(number("x"), text("t"), UNKNOWN), data).errors() == [
        (1, "x", "logicalType"), (1, "t", "encoding"),
    ]  # fmt: skip


def test_a_key_that_is_there_twice_is_named() -> None:
    found = one(pa.array([[("k", 1), ("k", 2)]], pa.map_(pa.string(), pa.int64())), DOC)
    assert found.bad[0].errors[0].reason == "an object has the key 'k' twice"


@pytest.mark.parametrize("kind", [pa.int64(), pa.int32(), pa.uint64()])
def test_integers_for_decimals_are_taken_together(kind: pa.DataType, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        pytest.fail("a row was read by itself")

    monkeypatch.setattr("headrace.transform.json_files.documents.DocumentReader.rows", never)
    assert one(pa.array(range(100), kind), decimal("v", 12, 2)).values("v") == [Decimal(n) for n in range(100)]


def test_rules_hold_as_in_any_file() -> None:
    spec = of(
        integer("id", required=True, minimum="1"), text("code", pattern="^[a-z]+$"), text("size", enum=("s", "m"))
    )
    spec = replace(spec, rules=(RowRule("order", "id < 3", ("<", ("column", "id"), ("number", "3"))),))
    data = parquet({"size": ["s", "m", "x", "m", "s"], "id": [1, None, 0, 2, 9], "code": ["a", "b", "C", "d", "e"]})
    found = read(spec, data)
    assert found.errors() == [
        (2, "id", "required"), (3, "id", "minimum"), (3, "code", "pattern"), (3, "size", "enum"), (5, None, "order"),
    ]  # fmt: skip
    assert [json.loads(row.raw) for row in found.bad][1] == {"size": "x", "id": 0, "code": "C"}
    assert found.values("id", "_row_number") == [(1, 1), (2, 4)]


def test_rows_are_numbered_through_row_groups() -> None:
    data = parquet({"n": [5 if row % 100 else -1 for row in range(1000)]}, row_group_size=170)
    found = read(of(integer("n", minimum="0")), data, limits=Limits(rows=64))
    assert [row.row_number for row in found.bad] == list(range(1, 1001, 100))
    assert found.values("_row_number") == [row for row in range(1, 1001) if row % 100 != 1]


def test_parts_of_structs_are_columns_and_their_siblings_are_kept() -> None:
    places = [{"City": "Ulm", "zip": "1", "at": {"x": 1.5, "y": None}}, None, {"City": None, "zip": None, "at": None}]
    spec = of(replace(text("city"), source="place.city"), replace(number("x"), source="place.at.x"), UNKNOWN)
    found = read(spec, parquet({"place": places, "more": [None, 7, None]}))
    assert found.values("city", "x", UNKNOWN_COLUMN) == [
        ("Ulm", 1.5, '{"place.zip":"1"}'), (None, None, '{"more":7}'), (None, None, None),
    ]  # fmt: skip
    assert found.report.detected["unknown_columns"] == ["place.zip", "place.at.y", "more"]
    assert [each["type"] for each in found.report.detected["drift"]["columns"]][::2] == ["VARCHAR(16)", "BIGINT"]


def test_a_schema_of_another_dataset_fails_the_file() -> None:
    spec = of(integer("id", required=True), text("name"))
    with pytest.raises(FileRejected, match="the file's schema lacks the required column id; is it 'idd' for 'id'"):
        read(spec, parquet({"idd": [1], "name": ["a"]}))
    with pytest.raises(FileRejected, match="the file's schema is not this dataset's: it has 1 field, of which none is"):
        read(spec, parquet({"x": [1]}))
    with pytest.raises(FileRejected, match="fields that the contract does not know: 'more'"):
        read(replace(spec, refuse_unknown=True), parquet({"id": [1], "name": ["a"], "more": [1]}))


def test_no_number_means_nothing_where_the_contract_says_so() -> None:
    values = pa.array([math.nan, 1.5, -math.inf])
    assert one(values, number("v"), nan_is_null=True).values("v") == [None, 1.5, None]


def test_old_timestamps_of_twelve_bytes_are_read_in_all_years() -> None:
    times = [moment(9999, 12, 31), moment(1500, 1, 1), NOON]
    data = parquet({"v": pa.array(times, pa.timestamp("us"))}, use_deprecated_int96_timestamps=True)
    assert read(of(AT), data).values("v") == times


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
def test_codecs_and_files_compressed_as_a_whole(codec: str) -> None:
    data = parquet({"n": [1, 2]}, compression=codec)
    assert read(of(integer("n")), data).values("n") == read(of(integer("n")), gzip.compress(data)).values("n") == [1, 2]


NO_PARQUET = {
    "text": (b"n\n1\n", "the file is no Parquet that can be read: it does not begin with PAR1"),
    "encrypted": (b"PARE" + bytes(100), "it does not begin with PAR1"),
    "cut off": (parquet({"n": list(range(1000))})[:-20], "the Parquet cannot be read"),
    "damaged": (parquet({"n": list(range(9_999))}, compression="zstd").replace(b"\x28\xb5", b"\0\0"), "or damaged"),
    "a header alone": (b"PAR1", "the Parquet cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_PARQUET)
def test_what_is_no_sound_parquet_fails_with_a_sentence(name: str) -> None:
    data, reason = NO_PARQUET[name]
    with pytest.raises(FileRejected) as raised:
        read(of(integer("n")), data)
    assert reason in raised.value.reason


def test_bad_rows_come_back_as_json_lines() -> None:
    columns = {
        "id": [1, 2, 3, 4], "v": pa.array([NOON, None, NOON, NOON], pa.timestamp("us", "UTC")),
        "doc": [{"a": 1}, None, None, {"a": 2}], "x": pa.array([1.5, math.nan, 2.5, 3.0]),
    }  # fmt: skip
    strict = of(
        integer("id", maximum="1"), replace(AT, formats=("dd.MM.yyyy",)), column("doc", Kind.SUPER), number("x")
    )
    data = parquet(columns)
    found = read(strict, data)
    raw = [row.raw for row in found.bad]
    fixed = replace(strict, columns=(integer("id", maximum="4"), *strict.columns[1:]))
    frame = frame_of(fixed, io.BytesIO(data))
    good = rows_good_now(fixed, frame, raw, "parcels/a.parquet")
    assert good == [1, 2]
    name = object_key(fixed, "f" * 24 + "-" + "0" * 16)
    assert name.endswith(".jsonl")
    back = FileTransform(
        fixed, io.BytesIO(frame.around([raw[place] for place in good])), name=name, file_id="f", batch_id="b"
    )
    again = [row for block in back for row in block.good.to_pylist()]
    whole = read(fixed, data)
    assert [{**row, "_row_number": 0, "_file_id": 0, "_batch_id": 0} for row in again] == [
        {**row, "_row_number": 0, "_file_id": 0, "_batch_id": 0} for row in whole.good if row["id"] > 1
    ]


def test_spark_does_not_cut_what_is_no_text() -> None:
    @dataclass(frozen=True)
    class Landed:
        data: bytes

        @property
        def size(self) -> int:
            return len(self.data)

        def open(self, start: int = 0) -> io.BytesIO:
            return io.BytesIO(self.data[start:])

    assert read_head(of(integer("n")), Landed(parquet({"n": [1]}))) is None
    with pytest.raises(FileRejected, match="is an Avro file, the contract says Parquet"):
        read_head(of(integer("n")), Landed(b"Obj\x01" + bytes(9)))


def test_a_dictionary_that_would_fill_the_memory_fails_the_file() -> None:
    """931 bytes that are 200,000 times the same eight million."""
    big = pa.DictionaryArray.from_arrays(pa.array([0] * 200_000, pa.int32()), pa.array(["x" * (8 << 20)]))
    for options in ({"store_schema": False}, {"store_schema": True}):
        data = parquet({"v": big}, compression="zstd", **options)
        with pytest.raises(FileRejected, match="a few rows of the file take more than 96 MiB of memory"):
            read(of(text("v", 65535)), data, limits=Limits(tables=96 << 20))


def test_rows_that_are_wide_are_read_a_few_at_a_time() -> None:
    """The file says that they are small, since the same text is in many."""
    wide = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array(["x" * 60_000]))
    data = parquet({"n": list(range(3000)), "v": wide}, store_schema=False)
    found = read(of(integer("n"), text("v", 65535)), data, limits=Limits(tables=48 << 20))
    assert (found.values("n"), found.bad) == (list(range(3000)), [])


TYPES = st.sampled_from(
    [pa.int32(), pa.int64(), pa.uint64(), pa.float64(), pa.float32(), pa.string(), pa.bool_(), pa.date32(),
     pa.timestamp("us"), pa.timestamp("ms", "UTC"), pa.decimal128(12, 3)]
)  # fmt: skip
WANTED = [
    integer("v"),
    integer("v", 16),
    decimal("v", 10, 2),
    number("v"),
    number("v", 32),
    text("v", 40),
    AT,
    DAY,
    column("v", Kind.BOOLEAN),
    DOC,
    *(replace(each, writing=LOOSE) for each in (text("v", 40), integer("v"))),
]


def values_of(kind: pa.DataType) -> st.SearchStrategy[Any]:
    if pa.types.is_integer(kind):
        least, most = (
            (0, 2**64 - 1) if kind == pa.uint64() else (-(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1)
        )
        return st.integers(-9, 40_000).map(lambda n: max(n, least)) | st.integers(least, most)
    if pa.types.is_floating(kind):
        return (
            st.floats(width=kind.bit_width) | st.integers(-9, 99).map(float) | st.decimals(-9, 9, places=2).map(float)
        )
    if pa.types.is_decimal(kind):
        return st.decimals(-99, 99, places=2) | st.decimals(-(10**9) + 1, 10**9 - 1, places=3)
    choices: dict[pa.DataType, st.SearchStrategy[Any]] = {
        pa.string(): st.text(max_size=8) | st.sampled_from(["7", "-7.50", "true", "2024-05-31", "{}", '[1, "x"]']),
        pa.bool_(): st.booleans(),
        pa.date32(): st.dates(),
    }
    midnights = st.dates().map(lambda day: moment(day.year, day.month, day.day))
    return choices.get(kind, st.datetimes() | midnights)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_row_means_what_its_document_means(data: st.DataObject) -> None:
    """The authority on JSON reads each row's document; typed columns must say the same of values, rows and files."""
    kind, wanted = data.draw(TYPES), data.draw(st.sampled_from(WANTED))
    values = data.draw(st.lists(st.none() | values_of(kind), min_size=1, max_size=130))
    array = pa.array(
        [value.replace(microsecond=0) if kind == pa.timestamp("ms", "UTC") and value else value for value in values],
        kind,
    )
    try:
        found = one(array, wanted)
    except FileRejected as rejected:
        event(rejected.code)
        assume(rejected.code != "types")
        raise
    for row in found.good:
        assert_means(row["v"], array[row["n"]].as_py(), wanted, kind)
    assert [row.row_number for row in found.bad] == sorted(
        set(range(1, len(values) + 1)) - set(found.values("_row_number"))
    )
    lines = b"\n".join(row.raw for row in found.bad)
    again = read(contract(integer("n"), wanted, kind="jsonl", null_tokens=()), lines) if lines else None
    assert again is None or not again.good


def assert_means(value: Any, said: Any, wanted: Column, kind: pa.DataType) -> None:
    """Whether a value is exactly what the file says, as far as its type can say it."""
    if said is None:
        assert value is None
    elif wanted.kind is Kind.SUPER:
        assert json.loads(value) == (json.loads(said) if isinstance(said, str) else json.loads(value))
    elif isinstance(said, datetime):
        at = said.astimezone(UTC).replace(tzinfo=None) if said.tzinfo else said
        assert value == (at.date() if wanted.kind is Kind.DATE else at) or wanted.kind is Kind.STRING
        assert wanted.kind is not Kind.DATE or at.time() == time()
    elif isinstance(said, date):
        assert value == (
            str(said)
            if wanted.kind is Kind.STRING
            else moment(said.year, said.month, said.day)
            if wanted.kind is Kind.TIMESTAMP
            else said
        )
    elif wanted.kind is Kind.STRING:
        assert (
            value == said
            or str(said).lower() == value
            or Decimal(value) == Decimal(repr(said) if kind != pa.float32() else value)
        )
    elif wanted.kind is Kind.FLOAT:
        assert value == (float(said) if wanted.bits == 64 else pa.scalar(float(said), pa.float32()).as_py())
    elif isinstance(said, float) and wanted.kind is Kind.DECIMAL:
        assert float(value) == said or (kind == pa.float32() and pa.scalar(float(value), pa.float32()).as_py() == said)
    else:
        assert value == (Decimal(said) if isinstance(said, str) else said)
