"""Files as people send them: delimiters, quotes, line ends, encodings, compression. Each gives the same three rows."""

from __future__ import annotations

import bz2
import gzip
import random
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest

from headrace.domain.contract import Column
from headrace.transform import FileRejected

from .kit import contract, integer, odd_zip, read, text, zipped

ROWS = [("a1", "ünï", 1), ("b2", "x,y|z", 2), ("c3", None, 3)]
PLAIN = 'id,note,n\na1,ünï,1\nb2,"x,y|z",2\nc3,,3\n'
PIPES = "id||note||n\na1||ünï||1\nb2||x,y|z||2\nc3||||3\n"
BLOCKS = [7, 64, 4 << 20]


TWO_MEMBERS = zipped(
    {"a.csv": PLAIN.partition("b2")[0].encode(), "in/b.csv": b'n,note,id\n2,"x,y|z",b2\n3,,c3\n'},
)
BAD_NAME = zipped({"ü.csv": PLAIN.encode()}).replace("ü".encode(), b"\xff\xff")
WORKBOOK = zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<x/>"})
TEXTS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "plain": (PLAIN.encode(), {}),
    "no final newline": (PLAIN.rstrip().encode(), {}),
    "CRLF": (PLAIN.replace("\n", "\r\n").encode(), {}),
    "CR": (PLAIN.replace("\n", "\r").encode(), {}),
    "blank lines": (PLAIN.replace("\n", "\n\n").encode() + b"\r\n", {}),
    "blank lines before the header": (b"\n\n" + PLAIN.encode(), {}),
    "blanks before the header": (b"  \n\t\r\n" + PLAIN.encode(), {}),
    "the end mark of DOS": (PLAIN.encode() + b"\x1a", {}),
    "the end mark of DOS on a line": (PLAIN.replace("\n", "\r\n").encode() + b"\x1a\r\n", {}),
    "the end mark of DOS after the last row": (PLAIN.rstrip().encode() + b"\x1a", {}),
    "BOM": (PLAIN.encode("utf-8-sig"), {}),
    "Latin-1": (PLAIN.encode("latin-1"), {"encoding": "iso8859-1"}),
    "Windows-1252": (PLAIN.encode("cp1252"), {"encoding": "cp1252"}),
    "UTF-8 with BOM for Latin-1": (PLAIN.encode("utf-8-sig"), {"encoding": "iso8859-1"}),
    "UTF-16 with BOM": (PLAIN.encode("utf-16"), {"encoding": "utf-16"}),
    "UTF-16 big-endian": (b"\xfe\xff" + PLAIN.encode("utf-16-be"), {"encoding": "utf-16"}),
    "UTF-16 without BOM": (PLAIN.encode("utf-16-le"), {"encoding": "utf-16-le"}),
    "columns in another order": ('n,id,note\n1,a1,ünï\n2,b2,"x,y|z"\n3,c3,\n'.encode(), {}),
    "an unknown column": ('id,x,note,n\na1,?,ünï,1\nb2,,"x,y|z",2\nc3,"""",,3\n'.encode(), {}),
    "blanks around the header's names": (PLAIN.replace("id,note,n", " id ,note, n").encode(), {}),
    "a quoted header": (PLAIN.replace("id,note,n", '"id","note","n"').encode(), {}),
    "everything quoted": ('"id","note","n"\n"a1","ünï","1"\n"b2","x,y|z","2"\n"c3","","3"\n'.encode(), {}),
    "semicolon": ("id;note;n\na1;ünï;1\nb2;x,y|z;2\nc3;;3\n".encode(), {"delimiter": ";"}),
    "tab": ("id\tnote\tn\na1\tünï\t1\nb2\tx,y|z\t2\nc3\t\t3\n".encode(), {"delimiter": "\t"}),
    "unit separator": (
        PIPES.replace("||", "\x1f").encode(),
        {"delimiter": "\x1f"},
    ),
    "two characters": (PIPES.encode(), {"delimiter": "||"}),
    "space": ('id note n\na1 ünï 1\nb2 "x,y|z" 2\nc3 "" 3\n'.encode(), {"delimiter": " "}),
    "single quotes": ("id,note,n\na1,ünï,1\nb2,'x,y|z',2\nc3,,3\n".encode(), {"quote": "'"}),
    "no header": (PLAIN.partition("\n")[2].encode(), {"header": False}),
    "several characters, one quoted": (PIPES.replace("x,y|z", '"x,y|z"').encode(), {"delimiter": "||"}),
    "preamble": (b'Report of May\n\nsecret,really,"\n' + PLAIN.encode(), {"skip_lines": 3}),
    "preamble without a header": (b"x\ny\n" + PLAIN.partition("\n")[2].encode(), {"skip_lines": 2, "header": False}),
    "comments": (("# by\n" + PLAIN.replace("\n", "\n#a,b,1\n#\n")).encode(), {"comment": "#"}),
    "backslash escapes": (
        "id,note,n\na1,ünï,1\nb2,x\\,y|z,2\nc3,\\N,3\n".encode(),
        {"escape": "\\", "null_tokens": ("", "\\N")},
    ),
    "encoding not named, UTF-8": (PLAIN.encode(), {"encoding": "auto"}),
    "encoding not named, BOM": (PLAIN.encode("utf-8-sig"), {"encoding": "auto"}),
    "encoding not named, UTF-16 with BOM": (PLAIN.encode("utf-16"), {"encoding": "auto"}),
    "encoding not named, UTF-16": (PLAIN.encode("utf-16-le"), {"encoding": "auto"}),
    "encoding not named, UTF-16 big-endian": (PLAIN.encode("utf-16-be"), {"encoding": "auto"}),
    "null tokens": (PLAIN.replace("c3,,", "c3,NA,").encode(), {"null_tokens": ("NA", "-")}),
    "gzip": (gzip.compress(PLAIN.encode()), {}),
    "gzip of two members": (gzip.compress(PLAIN.encode()[:20]) + gzip.compress(PLAIN.encode()[20:]), {}),
    "bzip2": (bz2.compress(PLAIN.encode()), {}),
    "zstd": (pa.Codec("zstd").compress(PLAIN.encode(), asbytes=True), {}),
    "zip": (zipped({"data.csv": PLAIN.encode()}), {}),
    "zip of several": (TWO_MEMBERS, {}),
    "zip with a Mac's extras": (zipped({"data.csv": PLAIN.encode(), "__MACOSX/._data.csv": b"\0\0", "in/": b""}), {}),
}


@pytest.mark.parametrize("block_bytes", BLOCKS)
@pytest.mark.parametrize("name", TEXTS)
def test_reads_the_same_rows(name: str, block_bytes: int) -> None:
    data, file_format = TEXTS[name]
    spec = contract(text("id", required=True), text("note"), integer("n", 32), **file_format)
    found = read(spec, data, block_bytes)
    assert found.bad == []
    assert found.values("id", "note", "n") == ROWS


@pytest.mark.parametrize("block_bytes", BLOCKS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_quoted_values_may_span_lines(newline: str, block_bytes: int) -> None:
    spec = contract(text("id"), text("note", 100), integer("n"))
    rows = ["id,note,n", 'a,"one', 'two, ""three""', '",1', 'b,"x', 'y",2', "c,,3"]
    found = read(spec, newline.join(rows).encode(), block_bytes)
    assert found.bad == []
    wanted = [("a", f'one{newline}two, "three"{newline}', 1), ("b", f"x{newline}y", 2), ("c", None, 3)]
    assert found.values("id", "note", "n") == wanted


@pytest.mark.parametrize("block_bytes", BLOCKS)
@pytest.mark.parametrize(
    ("encoding", "spoilt"),
    [
        ("utf-8", b"b,\xff\xfe,2"),
        ("cp1252", b"b,\x81\xfc,2"),
        ("utf-16-le", "b,".encode("utf-16-le") + b"\x00\xd8" + ",2".encode("utf-16-le")),
    ],
)
def test_a_bad_byte_costs_its_own_row_and_stays_what_it_was(encoding: str, spoilt: bytes, block_bytes: int) -> None:
    spec = contract(text("id"), text("note"), integer("n"), encoding=encoding)
    newline = "\n".encode(encoding)
    lines = ["id,note,n".encode(encoding), "a,ü,1".encode(encoding), spoilt, "c,ü,3".encode(encoding)]
    found = read(spec, newline.join(lines), block_bytes)
    assert found.values("id", "note") == [("a", "ü"), ("c", "ü")]
    assert found.errors() == [(2, "note", "encoding")]
    assert found.bad[0].raw == spoilt


TAR = gzip.compress(b"a.csv".ljust(257, b"\0") + b"ustar\x0000".ljust(255, b"\0") + PLAIN.encode())
REJECTED: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "nothing at all": (b"", {}, "empty"),
    "only blank lines": (b"\n\n", {}, "empty"),
    "only blanks": (b"  \n\t\n", {}, "only blanks"),
    "only the end mark of DOS": (b"\x1a\r\n", {}, "empty"),
    "an empty gzip": (gzip.compress(b""), {}, "empty"),
    "a zip of nothing": (zipped({}), {}, "contains no file"),
    "a header without the required column": (b"note,n\nx,1\n", {}, "lacks the required column id"),
    "a misspelt header": (b"idd,note,n\nx,,1\n", {}, "is it 'idd' for 'id'"),
    "a column named twice": (b"id,note,id\nx,,1\n", {}, "twice"),
    "another file altogether": (b"hello world\n", {}, "not the header of this dataset"),
    "objects of another dataset": (
        b'{"nodes": [1]}\n{"links": []}\n{}\n',
        {"kind": "json", "delimiter": ""},
        "no object of the file has a key that the contract knows: id",
    ),
    "a header with a broken quote": (b'"id,note\nx,1\n', {}, "never closed"),
    "JSON where csv was agreed": (b'[\n{"id": 1}\n]\n', {}, "begins like JSON, the contract says csv"),
    "HTML where csv was agreed": (b"<!DOCTYPE html>\n", {}, "begins like HTML or XML"),
    "another delimiter than agreed": (b"id;note;n\na;;1\n", {}, "delimited by ';', the contract says ','"),
    "a tar archive": (TAR, {"compression": "auto"}, "a tar archive, which is not supported"),
    "bytes at random": (random.Random(7).randbytes(9000), {"encoding": "auto"}, "full of bytes that no text has"),
    "NUL bytes": (b"id,note\0,n\n", {}, "not text"),
    "Parquet": (b"PAR1\x15\x04", {}, "a Parquet file"),
    "an Office document": (WORKBOOK, {}, "an Office document"),
    "UTF-16 where UTF-8 was agreed": (PLAIN.encode("utf-16"), {}, "mark of UTF-16"),
    "half a character of UTF-16": (PLAIN.encode("utf-16-le")[:-1], {"encoding": "utf-16-le"}, "middle of a character"),
    "a gzip cut off": (gzip.compress(PLAIN.encode() * 50)[:-30], {}, "cut off"),
    "a damaged gzip": (gzip.compress(PLAIN.encode())[:-8] + b"\xff" * 8, {}, "damaged"),
    "a zip cut off": (zipped({"a.csv": PLAIN.encode()})[:-30], {}, "cannot be opened"),
    "a zip with Deflate64": (odd_zip(PLAIN, central=(10, b"\x09"), local=(8, b"\x09")), {}, "Deflate64"),
    "a zip with its own method": (odd_zip(PLAIN, central=(10, b"\x61"), local=(8, b"\x61")), {}, "method 97"),
    "a zip of a version to come": (odd_zip(PLAIN, central=(6, b"\x63")), {}, "version 9.9"),
    "a zip with a name that is not UTF-8": (BAD_NAME, {}, "not the UTF-8"),
    "a zip whose names differ": (odd_zip(PLAIN, central=(46, b"b")), {}, "differ"),
    "a zip with a password": (odd_zip(PLAIN, central=(8, b"\x01"), local=(6, b"\x01")), {}, "encrypted"),
    "a bzip2 cut off": (bz2.compress(PLAIN.encode())[:-5], {}, "cut off"),
    "no compression where gzip was agreed": (PLAIN.encode(), {"compression": "gzip"}, "says compression gzip"),
    "gzip where none was agreed": (gzip.compress(PLAIN.encode()), {"compression": "none"}, "first bytes say gzip"),
    "Latin-1 where no encoding is named": (
        b"id,note,n\n" + "a,ü,1\n".encode("latin-1") * 9,
        {"encoding": "auto"},
        "windows-1252 or iso-8859-1?",
    ),
    "nothing after the preamble": (b"x\n", {"skip_lines": 1}, "empty"),
    "xz": (b"\xfd7zXZ\x00\x00", {}, "xz, which is not supported"),
    "lz4": (b"\x04\x22\x4d\x18\x64", {}, "lz4, which is not supported"),
    "Avro": (b"Obj\x01\x04\x14", {}, "an Avro file"),
    "an SQLite database": (b"SQLite format 3\0", {}, "an SQLite database"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_rejects_a_file_that_is_not_what_the_contract_says(name: str) -> None:
    data, file_format, says = REJECTED[name]
    spec = contract(text("id", required=True), text("note"), integer("n"), **file_format)
    with pytest.raises(FileRejected) as rejected:
        read(spec, data)
    assert says in rejected.value.reason


ESCAPED = rb"""id,note,n
a,one\
two\,three\\,1
"b","\"x\" ""y"" \
z",2
c\q,plain,3
d,x"y,4
e,\
"""


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_an_escape_takes_the_meaning_from_what_follows(block_bytes: int) -> None:
    spec = contract(text("id"), text("note", 40), integer("n"), escape="\\")
    found = read(spec, ESCAPED, block_bytes)
    assert found.values("id", "note", "n") == [
        ("a", "one\ntwo,three\\", 1),
        ("b", '"x" "y" \nz', 2),
        ("cq", "plain", 3),
    ]
    assert found.errors() == [(4, None, "quoting"), (5, None, "quoting")]


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_delimiters_of_several_characters_stay_in_quoted_values(block_bytes: int) -> None:
    spec = contract(text("id"), text("note", 40), integer("n"), delimiter="||")
    data = b'id||note||n\n"a||b"||"x|"||1\nb|||c||2\nc||\x1f||3\n'
    found = read(spec, data, block_bytes)
    assert found.values("id", "note", "n") == [("a||b", "x|", 1), ("b", "|c", 2), ("c", "\x1f", 3)]


def test_delimiters_of_several_characters_take_the_fast_path() -> None:
    spec = contract(text("id"), text("note", 40), integer("n"), delimiter="~|~")
    rows = "".join(f'"r{n}~|~"~|~x~|~{n}\n' for n in range(100))
    with patch(
        "headrace.transform.delimited.record_path.RecordReader.read", side_effect=AssertionError("the slow path")
    ):
        found = read(spec, f"id~|~note~|~n\n{rows}".encode())
    assert found.values("id")[:2] == ["r0~|~", "r1~|~"]


def fixed(name: str, start: int, width: int, **rules: Any) -> Column:
    return replace(text(name, 40, **rules), start=start, width=width)


FIXED = contract(
    fixed("id", 1, 4, required=True),
    fixed("note", 5, 6),
    replace(integer("n"), start=12, width=5),
    kind="fixed",
    header=False,
)


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_fixed_width(block_bytes: int) -> None:
    rows = [("a1", "ünï", "1"), ("b2", "x,y|z", "-22\r"), ("", "x", "3"), ("d4", "y", "4x"), ("e5", "y", "6    !")]
    lines = [f"{row[0]:4}{row[1]:7}{row[2]}" for row in rows]
    lines[2:2] = ["", "c3"]
    found = read(FIXED, "\n".join(lines).encode(), block_bytes)
    assert found.values("id", "note", "n") == [("a1", "ünï", 1), ("b2", "x,y|z", -22), ("c3", None, None)]
    assert found.errors() == [(4, "id", "required"), (5, "n", "logicalType"), (6, None, "fieldCount")]


def test_fixed_width_with_a_preamble_comments_and_a_bad_byte() -> None:
    spec = replace(FIXED, format=replace(FIXED.format, skip_lines=1, comment="*"))
    found = read(spec, b"HEADER LINE\n* c\na1  \xff      1\nb2             2\n")
    assert found.errors() == [(1, "note", "encoding")]
    assert found.values("id", "n") == [("b2", 2)]
