"""XML of rows: an element of a name is a row, its children are columns, and nothing grows without end."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from headrace.domain.contract import UNKNOWN_COLUMN, Column, Contract, Kind
from headrace.transform import FileRejected, FileTransform, Limits
from headrace.transform.rebuild import frame_of, rows_good_now

from ..kit import column, contract, decimal, integer, read, text

UNKNOWN = Column(UNKNOWN_COLUMN, "", Kind.SUPER, "SUPER", unknown=True)
ROWS = """<?xml version="1.0"?>
<r:readings xmlns:r="urn:r"><head><meter>x</meter></head>
  <r:reading id="7" r:unit="kWh"><meter>m1</meter><price> 1.50</price><on>31.05.2024</on><tag>a</tag>
    <tag>b &amp; c</tag>    <place floor="2"><city>Ulm</city></place>
    <note kind="x">hot<!-- no --> and <![CDATA[<wet>]]></note></r:reading>
  <r:reading id="8"><meter/></r:reading>
  <r:reading id="x"><meter>m3</meter></r:reading>
</r:readings>"""


def of(*columns: Column, row: str = "reading", **file_format: Any) -> Contract:
    return contract(*columns, kind="xml", row_element=row, **file_format)


SPEC = of(
    replace(integer("id", required=True), source="@id"), text("meter"), decimal("price", 4, 2),
    column("tag", Kind.SUPER),
    replace(column("on", Kind.DATE), formats=("dd.MM.yyyy",)), replace(text("city"), source="place.city"), UNKNOWN,
)  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1252"])
def test_elements_are_rows_and_their_children_columns(encoding: str) -> None:
    data = ROWS.replace('"1.0"', f'"1.0" encoding="{encoding}"').replace("> 1.50", ">1.50").encode(encoding)
    found = read(SPEC, data)
    assert found.errors() == [(3, "id", "logicalType")]
    assert found.values("id", "meter", "price", "on", "tag", "city", UNKNOWN_COLUMN, "_row_number") == [
        (7, "m1", Decimal("1.50"), date(2024, 5, 31), '["a","b & c"]', "Ulm",
         '{"@unit":"kWh","place.@floor":"2","note":{"@kind":"x","#text":"hot and <wet>"}}', 1),
        (8, None, None, None, None, None, None, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("attributes", ['type="A" x:type="B" y:type="C"', 'y:type="C" x:type="B" type="A"'])
def test_attributes_that_differ_in_their_namespace_are_all_kept(attributes: str) -> None:
    data = f'<all xmlns:x="urn:x" xmlns:y="urn:y"><reading {attributes}/><reading y:type="D"/></all>'
    found = read(of(replace(text("type"), source="@type"), UNKNOWN), data.encode())
    assert found.values("type", UNKNOWN_COLUMN) == [("A", '{"@{urn:x}type":"B","@{urn:y}type":"C"}'), ("D", None)]


PRICES = """<all xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><reading><price>1.50</price></reading>
<reading><price unit="EUR" note="x"> 1.50 </price></reading><reading><price i:nil="true"/></reading>
<reading><price i:nil="true" unit="EUR"/></reading><reading><price unit="EUR"/></reading>
<reading><price i:nil="false">1.50</price></reading><reading><price><of>2</of></price></reading></all>"""


def test_attributes_may_stand_beside_a_text_or_not() -> None:
    price, unit = decimal("price", 4, 2), replace(text("unit"), source="price.@unit")
    found = read(of(price, unit, UNKNOWN), PRICES.encode())
    half = Decimal("1.50")
    assert found.values("price", "unit", UNKNOWN_COLUMN) == [
        (half, None, None), (half, "EUR", '{"price.@note":"x"}'), (None, None, None), (None, "EUR", None),
        (None, "EUR", None), (half, None, None),
    ]  # fmt: skip
    assert [row.raw for row in found.bad] == [b'{"price":{"of":"2"}}']


def test_a_text_is_found_where_only_some_have_attributes() -> None:
    found = read(of(replace(decimal("price", 4, 2), source="price.#text"), UNKNOWN), PRICES.encode())
    assert found.values("price")[:4] == [Decimal("1.50"), Decimal("1.50"), None, None]
    assert found.bad == []


def test_bad_rows_of_xml_come_back_as_json_lines() -> None:
    found = read(SPEC, ROWS.encode())
    assert [row.row_number for row in found.bad] == [1, 3]
    assert found.bad[1].raw == b'{"@id":"x","meter":"m3"}'
    trims = replace(SPEC.columns[2], writing=replace(SPEC.columns[2].writing, trim=True))
    fixed = replace(SPEC, columns=(*SPEC.columns[:2], trims, *SPEC.columns[3:]))
    raw = [row.raw for row in found.bad]
    frame = frame_of(fixed, io.BytesIO(ROWS.encode()))
    assert rows_good_now(fixed, frame, raw, "parcels/a.xml") == [0]
    name = f"{fixed.prefix}replay/{'f' * 24}-{'0' * 16}.jsonl"
    back = FileTransform(fixed, io.BytesIO(frame.around(raw[:1])), name=name, file_id="f", batch_id="b")
    assert [row["price"] for block in back for row in block.good.to_pylist()] == [Decimal("1.50")]


ENTITIES = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><a><reading>&c;</reading></a>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a><reading><id>&b;</id></reading></a>'
REFUSED = {
    "text": ("id,n\n1,2\n", "the file is no XML: syntax error (line 1)"),
    "no row": ("<a><b/></a>", "the XML has no element 'reading', which the contract says is a row"),
    "cut off": (ROWS[:-60], "the file is no XML: unclosed token (line"),
    "entities": (ENTITIES, "the file has a document type, which may make it grow without end"),
    "a file of the machine": (OUTSIDE, "the file has a document type"),
    "an encoding that is none": ('<?xml version="1.0" encoding="klingon"?><a/>', "unknown encoding"),
    "elements without end": ("<a><reading>" + "<x>" * 200, "the file has elements in more than 100 others"),
    "a long element": (f"<a><reading><id>{'9' * 3000}</id></reading></a>", "'reading' of the XML has more than"),
    "many values": (f"<a><reading>{'<x/>' * 3000}</reading></a>", "'reading' of the XML has more than"),
    "a long name": (f"<a><{'n' * 600}/></a>", "the file has a name of more than 500 characters"),
    "a long name of an attribute": (f"<a {'n' * 600}='1'/>", "the file has a name of more than 500 characters"),
    "names without end": (
        "<a>" + "".join(f"<n{n}/>" for n in range(10_001)) + "</a>", "more than 10,000 names of elements",
    ),
    "attributes without end": (
        "<a>" + "".join(f"<n a{n}='1'/>" for n in range(10_001)) + "</a>", "more than 10,000 names",
    ),
    "prefixes without end": (
        "<a>" + "".join(f"<p{n}:n xmlns:p{n}='urn:p'/>" for n in range(6_000)) + "</a>",
        "more than 10,000 names",
    ),
    "names that make a row long": (
        "<a><reading>" + f"<{'n' * 90}/>" * 30 + "</reading></a>", "'reading' of the XML has more than",
    ),
    "a long mark": (f'<a><reading id="{"9" * 200_000}"/></a>', "the file has a mark of more than"),
    "another dataset": ("<a><reading><other>1</other></reading></a>", "no object of the file has a key that"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sound_xml_fails_with_a_sentence(name: str) -> None:
    data, reason = REFUSED[name]
    with pytest.raises(FileRejected) as raised:
        read(of(replace(integer("id"), source="id"), UNKNOWN), data.encode(), limits=Limits(line=2000, values=2000))
    assert reason in raised.value.reason
