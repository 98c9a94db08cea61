"""Excel's workbooks: one sheet, a row a record, cells as Excel shows them; anything else is refused with a sentence."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest

from headrace.domain.contract import UNKNOWN_COLUMN, Column, Contract, Kind
from headrace.domain.writing import Writing
from headrace.transform import FileRejected, Limits
from headrace.transform.sheets.formats import Shown, shown_as

from ..kit import column, contract, decimal, integer, moment, number, read, text

UNKNOWN = Column(UNKNOWN_COLUMN, "", Kind.SUPER, "SUPER", unknown=True)
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELS = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
PARTS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
FORMATS = ["General", "yyyy-mm-dd", "dd.mm.yyyy hh:mm", "hh:mm:ss", "00000", '0.00 "days"', "[h]:mm"]
"""The styles of the tests' workbooks, by their places."""
Cells = list[Any]
"""A row: texts, numbers, booleans, None, or XML of a cell as it is."""


class Xml(str):
    """A cell as it stands."""

    __slots__ = ()


class Styled(tuple[float, int]):
    """A number, and the place of its style."""

    __slots__ = ()


def cell(value: Any, place: str, shared: list[str]) -> str:
    if value is None:
        return ""
    if isinstance(value, Xml):
        return value
    if isinstance(value, Styled):
        return f'<c r="{place}" s="{value[1]}"><v>{value[0]!r}</v></c>'
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{value:d}</v></c>'
    if isinstance(value, str):
        shared.append(value)
        return f'<c r="{place}" t="s"><v>{len(shared) - 1}</v></c>'
    return f'<c r="{place}"><v>{value!r}</v></c>'


def row(number: int, values: Cells, shared: list[str]) -> str:
    cells = (cell(value, f"{chr(64 + place)}{number}", shared) for place, value in enumerate(values, start=1))
    return f'<row r="{number}">{"".join(cells)}</row>'


def workbook(*rows: Cells, more: dict[str, list[Cells]] | None = None, book: str = "", parts: Any = ()) -> bytes:
    """A workbook whose first sheet has these rows, and other sheets by name."""
    shared: list[str] = []
    sheets = {"First": list(rows)} | (more or {})
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for at, (_, lines) in enumerate(sheets.items(), start=1):
            body = "".join(row(number, line, shared) for number, line in enumerate(lines, start=1))
            archive.writestr(f"xl/worksheets/s{at}.xml", f"<worksheet {MAIN}><sheetData>{body}</sheetData></worksheet>")
        named = "".join(f'<sheet name={quoteattr(n)} sheetId="{i}" r:id="r{i}"/>' for i, n in enumerate(sheets, 1))
        archive.writestr("xl/workbook.xml", f"<workbook {MAIN} {RELS}>{book}<sheets>{named}</sheets></workbook>")
        targets = "".join(f'<Relationship Id="r{i}" Target="worksheets/s{i}.xml"/>' for i in range(1, len(sheets) + 1))
        archive.writestr("xl/_rels/workbook.xml.rels", f"<Relationships {PARTS}>{targets}</Relationships>")
        own = "".join(f'<numFmt numFmtId="{164 + i}" formatCode={quoteattr(f)}/>' for i, f in enumerate(FORMATS))
        used = "".join(f'<xf numFmtId="{164 + i}"/>' for i in range(len(FORMATS)))
        archive.writestr(
            "xl/styles.xml", f"<styleSheet {MAIN}><numFmts>{own}</numFmts><cellXfs>{used}</cellXfs></styleSheet>"
        )
        texts = "".join(f'<si><t xml:space="preserve">{escape(each)}</t></si>' for each in shared)
        archive.writestr("xl/sharedStrings.xml", f"<sst {MAIN}>{texts}</sst>")
        for name, body in dict(parts).items():
            archive.writestr(name, body)
    return sink.getvalue()


def of(*columns: Column, **file_format: Any) -> Contract:
    return contract(*columns, kind="xlsx", **file_format)


def one(value: Any, wanted: Column, **options: Any) -> Any:
    """What one cell in a column `v` is."""
    found = read(of(integer("n"), wanted), workbook(["n", "v"], [1, value], **options))
    assert found.bad == []
    return found.values("v")[0]


AT, DAY = column("v", Kind.TIMESTAMP), column("v", Kind.DATE)
LOOSE = Writing(loose=True)
CELLS = {
    "a text": ("é <&> x", text("v"), "é <&> x"),
    "an empty text": ("", text("v"), None),
    "blanks": (" a ", text("v"), " a "),
    "a character that XML has not": ("a_x000D_\n_x005F_x", text("v"), "a\r\n_x"),
    "a number": (12, integer("v"), 12),
    "a number written so": (Xml('<c r="B2"><v>1.2E3</v></c>'), integer("v"), 1200),
    "a decimal": (Xml('<c r="B2"><v>1.1000000000000001</v></c>'), decimal("v", 4, 2), Decimal("1.10")),
    "a computed decimal": (3.3000000000000003, decimal("v", 4, 2), Decimal("3.30")),
    "an id of 16 digits": (1234567890123457, integer("v"), 1234567890123457),
    "an id of 18 digits": (123456789012345678, decimal("v", 18, 0), Decimal(123456789012345678)),
    "an id of 18 digits as text": (123456789012345678, replace(text("v", 20), writing=LOOSE), "123456789012345678"),
    "an id of 20 digits": (12345678901234567891, decimal("v", 20, 0), Decimal(12345678901234567891)),
    "a whole number for a double": (2**53 + 2, number("v"), 2.0**53 + 2),
    "an id with an exponent": (Xml('<c r="B2"><v>1.23456789012345E+17</v></c>'), integer("v"), 123456789012345000),
    "cents of 16 digits": (
        Xml('<c r="B2"><v>12345678901234.56</v></c>'), decimal("v", 18, 2), Decimal("12345678901234.56"),
    ),
    "a computed third": (Xml('<c r="B2"><v>0.30000000000000004</v></c>'), decimal("v", 4, 2), Decimal("0.30")),
    "just below a whole": (Xml('<c r="B2"><v>2.9999999999999996</v></c>'), integer("v"), 3),
    "a code of 16 digits": (Styled((1234567890123457, 4)), text("v"), "1234567890123457"),
    "a double": (3.3000000000000003, number("v"), 3.3000000000000003),
    "true": (True, column("v", Kind.BOOLEAN), True),
    "a date": (Styled((45443, 1)), DAY, date(2024, 5, 31)),
    "a date shown with a time": (Styled((45443, 2)), DAY, date(2024, 5, 31)),
    "a time": (Styled((45443.5, 2)), AT, moment(2024, 5, 31, 12)),
    "a time a millisecond off": (Styled((45443.52152777778, 2)), AT, moment(2024, 5, 31, 12, 31)),
    "a date for a timestamp": (Styled((45443, 1)), AT, moment(2024, 5, 31)),
    "the first days": (Styled((1, 1)), DAY, date(1900, 1, 1)),
    "after the day that was none": (Styled((61, 1)), DAY, date(1900, 3, 1)),
    "a date as text": ("2024-05-31", DAY, date(2024, 5, 31)),
    "a date of ISO": (Xml('<c r="B2" t="d"><v>2024-05-31</v></c>'), DAY, date(2024, 5, 31)),
    "a time of day": (Styled((0.75, 3)), text("v"), "18:00:00"),
    "a time of some day": (Styled((45443.75, 3)), text("v"), "18:00:00"),
    "a duration": (Styled((26.5 / 24, 6)), text("v"), "26:30:00"),
    "a duration of less than a day": (Styled((0.75, 6)), text("v"), "18:00:00"),
    "a duration with milliseconds": (Styled((2 + 1.25 / 86400, 6)), text("v"), "48:00:01.25"),
    "a duration below nothing": (Styled((-1.5, 6)), text("v"), "-36:00:00"),
    "a midnight of ISO for a date": (Xml('<c r="B2" t="d"><v>2024-05-31T00:00:00</v></c>'), DAY, date(2024, 5, 31)),
    "a date of ISO for a timestamp": (Xml('<c r="B2" t="d"><v>2024-05-31</v></c>'), AT, moment(2024, 5, 31)),
    "a time of ISO": (
        Xml('<c r="B2" t="d"><v>2024-05-31T10:00:00.500</v></c>'), AT, moment(2024, 5, 31, 10, 0, 0, 500_000),
    ),
    "half a character": ("_xD800_ _xd83d__xde00_", text("v", 20), "_xD800_ 😀"),
    "a shared text that is none": (Xml('<c r="B2" t="s"><v></v></c>'), text("v"), None),
    "a code with zeros": (Styled((451, 4)), text("v"), "00451"),
    "a number in days": (Styled((2.5, 5)), number("v"), 2.5),
    "a number as text, loose": (12.5, replace(text("v"), writing=LOOSE), "12.5"),
    "a formula": (Xml('<c r="B2"><f>1+1</f><v>2</v></c>'), integer("v"), 2),
    "a formula's text": (Xml('<c r="B2" t="str"><f>A1</f><v>x</v></c>'), text("v"), "x"),
    "a formula's empty text": (Xml('<c r="B2" t="str"><f>A1</f><v></v></c>'), text("v"), None),
    "a text in its place": (Xml('<c r="B2" t="inlineStr"><is><t>x</t></is></c>'), text("v"), "x"),
    "a text in parts": (Xml('<c r="B2" t="inlineStr"><is><r><t>x</t></r><r><t>y</t></r></is></c>'), text("v"), "xy"),
    "a cell without a place": (Xml("<c><v>7</v></c>"), integer("v"), 7),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_means_what_excel_shows(name: str) -> None:
    value, wanted, expected = CELLS[name]
    assert one(value, wanted) == expected


def test_days_may_be_counted_from_1904() -> None:
    assert one(Styled((43981, 1)), DAY, book='<workbookPr date1904="1"/>') == date(2024, 5, 31)


BAD = {
    "an error": (Xml('<c r="B2" t="e"><v>#N/A</v></c>'), number("v"), "'#N/A' is text"),
    "the day that was none": (Styled((60, 1)), DAY, "'1900-02-29'"),
    "no day at all": (Styled((0, 2)), AT, "'1900-01-00'"),
    "a time of day for a timestamp": (Styled((0.5, 3)), AT, "'12:00:00'"),
    "NaN for a double": (Xml('<c r="B2"><v>NaN</v></c>'), number("v"), "'NaN' is"),
    "NaN for a decimal": (Xml('<c r="B2"><v>NaN</v></c>'), decimal("v", 4, 2), "'NaN'"),
    "beyond doubles": (Xml('<c r="B2"><v>1e999</v></c>'), number("v"), "'1e999' is"),
    "no number at all": (Xml('<c r="B2"><v>1_000</v></c>'), integer("v"), "'1_000' is text"),
    "a number for a date": (45443, DAY, "'45443' is a number"),
    "a time for a date": (Styled((45443.5, 2)), DAY, "'2024-05-31T12:00:00'"),
    "a date for a number": (Styled((45443, 1)), integer("v"), "'2024-05-31' is text"),
    "a number for a text": (451, text("v"), "'451' is a number"),
    "more decimals": (1.005, decimal("v", 4, 2), "would be rounded"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_costs_its_own_row(name: str) -> None:
    value, wanted, reason = BAD[name]
    found = read(of(integer("n"), wanted), workbook(["n", "v"], [1, value], [2, None]))
    assert [(row.row_number, error.column) for row in found.bad for error in row.errors] == [(1, "v")]
    assert reason in found.bad[0].errors[0].reason
    assert found.values("n", "v") == [(2, None)]


def test_errors_may_mean_nothing() -> None:
    data = workbook(["v"], [Xml('<c t="e"><v>#N/A</v></c>')], [1])
    assert read(of(integer("v"), null_tokens=("", "#N/A")), data).values("v") == [None, 1]


def test_columns_are_found_by_name_and_others_are_kept() -> None:
    data = workbook(["More", None, "ID", "name"], [1.5, "x", 7, "a"], [], [None, None, 8, None, True])
    found = read(of(text("name"), integer("id", required=True), UNKNOWN), data)
    assert found.values("id", "name", UNKNOWN_COLUMN, "_row_number") == [
        (7, "a", '{"More":1.5,"(2)":"x"}', 1), (8, None, '{"(5)":true}', 2),
    ]  # fmt: skip
    assert found.report.detected["unknown_columns"] == ["More", "(2)", "(5)"]
    with pytest.raises(FileRejected, match="the sheet's header lacks the required column id; is it 'idd' for 'id'"):
        read(of(integer("id", required=True), text("name")), workbook(["idd", "name"], [1, "a"]))


def test_what_stands_above_and_below_the_header_may_be_skipped() -> None:
    rows: list[Cells] = [["Report of May"], [], ["n", "v"], ["pieces", "m"], [1, "a"], [], [2, "b"]]
    spec = of(integer("n"), text("v"), skip_lines=2, after_header=1)
    assert read(spec, workbook(*rows)).values("n", "v", "_row_number") == [(1, "a", 1), (2, "b", 2)]
    without = of(integer("n"), text("v"), header=False)
    assert read(without, workbook([1, "a"], [2, "b"])).values("n", "v") == [(1, "a"), (2, "b")]


def test_a_sheet_is_chosen_by_name_and_others_are_told() -> None:
    data = workbook(["n"], [1], more={"Zwei & 2": [["n"], [2]]})
    first = read(of(integer("n")), data)
    assert (first.values("n"), first.report.detected["other_sheets"]) == ([1], ["Zwei & 2"])
    assert read(of(integer("n"), sheet="Zwei & 2"), data).values("n") == [2]
    with pytest.raises(FileRejected, match="has no sheet 'Drei'; there are 'First', 'Zwei & 2'"):
        read(of(integer("n"), sheet="Drei"), data)


def zipped(**parts: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), body)
    return sink.getvalue()


LAUGHS = (
    '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>' + f"<sst {MAIN}><si><t>&c;</t></si></sst>"
)
REFUSED = {
    "text": (b"n\n1\n", "no Excel workbook (.xlsx) that can be read: it is no zip"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + bytes(99), "an old or encrypted Excel or Word document, the"),
    "a zip of something else": (zipped(a_xml="<a/>"), "there is no xl/workbook.xml in it"),
    "cut off": (workbook(["n"], [1])[:-30], "the zip cannot be opened"),
    "empty": (workbook(), "the sheet is empty"),
    "a formula that was not computed": (
        workbook(["n"], [Xml('<c r="A2"><f>1+1</f></c>')]), "a formula in row 2, column 1 has no value",
    ),
    "a text that is not there": (workbook(["n"], [Xml('<c t="s"><v>9</v></c>')]), "a text that is not there"),
    "no XML": (workbook(["n"], [Xml("<c><v>")]), "the sheet is no XML: mismatched tag"),
    "a column beyond all": (workbook(["n"], [Xml('<c r="ZZZ2"><v>1</v></c>')]), "more than 16,384 columns"),
    "entities": (workbook(["n"], parts={"xl/sharedstrings.xml": LAUGHS}), "has a document type, which may make it"),
    "elements without end": (
        workbook(["n"], [Xml("<a>" * 200 + "</a>" * 200)]), "the sheet has elements in more than 100 others",
    ),
    "a long cell": (workbook(["n"], [Xml(f"<c><v>{'9' * 3000}</v></c>")]), "row 2 of the sheet is longer than"),
    "a long mark": (workbook(["n"], [Xml(f'<c r="{"9" * 200_000}"><v>1</v></c>')]), "a mark of more than"),
    "many texts": (workbook(["n"], *([f"{n} {'x' * 90}"] for n in range(200))), "the workbook's texts take more than"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sound_workbook_fails_with_a_sentence(name: str) -> None:
    data, reason = REFUSED[name]
    limits = Limits(line=2000, strings=20_000) if name.startswith(("a long", "many")) else None
    with pytest.raises(FileRejected) as raised:
        read(of(integer("n")), data, limits=limits)
    assert reason in raised.value.reason


def test_texts_that_cells_refer_to_count_in_each_of_them() -> None:
    many = [Xml('<c t="s"><v>0</v></c>')] * 100
    data = workbook(["x" * 900, "n"], [*many], [*many])
    assert len(data) < 2_500
    with pytest.raises(FileRejected, match="row 2 of the sheet is longer than 50,000 bytes"):
        read(of(integer("n"), UNKNOWN), data, limits=Limits(line=50_000))
    with pytest.raises(FileRejected, match="decompressed, the file is larger than the limit"):
        read(of(integer("n"), UNKNOWN), data, limits=Limits(line=100_000, decompressed=120_000))


def test_names_count_in_each_row_and_have_a_limit() -> None:
    data = workbook(["n", *(f"{n} {'x' * 90}" for n in range(20))], [1, *(0 for _ in range(20))])
    with pytest.raises(FileRejected, match="row 2 of the sheet is longer than 1,500 bytes"):
        read(of(integer("n"), UNKNOWN), data, limits=Limits(line=1_500, strings=10_000))
    with pytest.raises(FileRejected, match="the sheet's header is longer than 1,500 bytes"):
        read(of(integer("n"), UNKNOWN), data, limits=Limits(header=1_500))


def test_a_sheet_that_grows_without_end_is_rejected() -> None:
    """A row in a thousand bytes of zip may be a gigabyte of blanks."""
    data = workbook(["n"], [Xml(" " * 3_000_000 + "<c><v>1</v></c>")])
    assert len(data) < 10_000
    with pytest.raises(FileRejected, match="decompressed, the file is larger than the limit"):
        read(of(integer("n")), data, limits=Limits(decompressed=1 << 20))


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("General", Shown.NUMBER), ("0.00", Shown.NUMBER), ('0 "days"', Shown.NUMBER), ("[Red]0", Shown.NUMBER),
        ("yyyy-mm-dd", Shown.DATE), ("mmm yy", Shown.DATE), ("[$-407]d. mmmm yyyy;@", Shown.DATE),
        ("hh:mm", Shown.TIME), ("[h]:mm:ss", Shown.DURATION), ("[mm]:ss", Shown.DURATION),
        ("mm:ss.0", Shown.TIME), ("d/m/yy h:mm AM/PM", Shown.BOTH),
        ("000", Shown.CODE),
        ('#,##0.00 "Std"', Shown.NUMBER), (r"0\d", Shown.NUMBER), ("0_d", Shown.NUMBER),
    ],
)  # fmt: skip
def test_a_format_says_what_a_number_is(code: str, shown: Shown) -> None:
    assert shown_as(code) is shown
