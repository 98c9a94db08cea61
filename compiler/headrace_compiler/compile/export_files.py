"""How an export's files are written and named: its server of type s3."""

from __future__ import annotations

import codecs
import re

from open_data_contract_standard.model import Server

from headrace.domain.export import Dialect
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where

LOCATION = re.compile(r"s3://\{exports\}/((?:[A-Za-z0-9_][A-Za-z0-9_.=-]*/)*\{date\}/[A-Za-z0-9_.={}/-]+)")
ENCODINGS = re.compile(r"utf-8(-sig)?|utf-16|ascii|cp125[0-8]|iso8859-(1|2|3|4|5|6|7|8|9|10|13|14|15|16)")
LINE_ENDS = {"crlf": "\r\n", "lf": "\n"}
QUOTING = ("minimal", "all")
SERVER = {
    "quote": "text", "quoting": "text", "header": "true or false", "lineEnd": "text", "null": "text",
    "decimalSeparator": "text", "true": "text", "false": "text", "guardFormulas": "true or false",
}  # fmt: skip


def compile_files(server: Server, where: Where, problems: Problems) -> tuple[str, Dialect]:
    """The pattern of the keys, and the dialect."""
    if server.format != "csv":
        problems.add((*where, "format"), "format must be csv")
    values = custom.read_custom(server.customProperties, SERVER, where, problems)
    dialect = Dialect(
        delimiter="\t" if server.delimiter in {r"\t", "tab"} else server.delimiter or ",",
        quote=values.get("quote", '"'),
        quoting=values.get("quoting", "minimal"),
        header=values.get("header", True),
        encoding=_encoding(server, where, problems),
        line_end=LINE_ENDS.get(values.get("lineEnd", "crlf"), ""),
        null=values.get("null", ""),
        decimal=values.get("decimalSeparator", "."),
        true=values.get("true", "true"),
        false=values.get("false", "false"),
        guard_formulas=values.get("guardFormulas", True),
    )
    _check_dialect(dialect, server, where, problems)
    return _pattern(server, where, problems), dialect


def _pattern(server: Server, where: Where, problems: Problems) -> str:
    """The pattern of the keys, in which no two accounts can meet."""
    match = LOCATION.fullmatch(server.location or "")
    names = re.findall(r"\{(\w*)\}", match[1]) if match else []
    if match is None or sorted(names) != ["account", "category", "date"] or re.search(r"\}[^/]*\{", match[1]):
        reason = (
            "location must be s3://{exports}/<folder>/{date}/… with {category} and {account} once each in parts of"
            " their own, such as s3://{exports}/statements/{date}/{category}/{account}.csv"
        )
        problems.add((*where, "location"), reason)
        return ""
    if match[1].endswith("{date}/manifest.json"):
        problems.add((*where, "location"), "manifest.json is reserved for the list of files")
    return match[1]


def _encoding(server: Server, where: Where, problems: Problems) -> str:
    try:
        name = codecs.lookup(server.encoding or "utf-8").name
    except LookupError:
        name = ""
    if not ENCODINGS.fullmatch(name):
        known = "utf-8, utf-8-sig, utf-16, iso-8859-1 … -16, windows-1250 … -1258"
        problems.add((*where, "encoding"), f"encoding {server.encoding!r} is not supported: {known}")
    return name


def _check_dialect(dialect: Dialect, server: Server, where: Where, problems: Problems) -> None:
    def add(name: str, reason: str) -> None:
        place = custom.place_of(server.customProperties, name, where)
        problems.add((*where, name) if name == "delimiter" else place, f"{name} {reason}")

    if len(dialect.delimiter) != 1 or dialect.delimiter.isalnum() or dialect.delimiter in '\r\n"':
        add("delimiter", "must be one character, not a letter or a quote")
    if len(dialect.quote) != 1 or dialect.quote.isalnum() or dialect.quote in f"\r\n {dialect.delimiter}":
        add("quote", "must be one character, other than the delimiter")
    if dialect.quoting not in QUOTING:
        add("quoting", f"must be one of {', '.join(QUOTING)}")
    if not dialect.line_end:
        add("lineEnd", "must be crlf or lf")
    if any(mark in dialect.null for mark in (dialect.delimiter, dialect.quote, "\r", "\n")):
        add("null", "cannot hold the delimiter, the quote or a line's end")
    if dialect.decimal not in {".", ","}:
        add("decimalSeparator", "must be a point or a comma")
    if dialect.true == dialect.false:
        add("true", "and false must differ")
