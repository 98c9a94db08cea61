"""The two servers of a contract: where files land and how they are written, and where rows go."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field, replace
from typing import Any

import re2
from open_data_contract_standard.model import OpenDataContractStandard, Server

from headrace.domain.contract import ESCAPES, FileFormat
from headrace.domain.files.formats import FORMATS, NAMES, Format
from headrace.domain.files.key_values import PLACE, as_pattern, fields_of
from headrace.domain.files.names import IGNORED
from headrace.domain.source import Source
from headrace_compiler.compile.groups import Groups, groups_of
from headrace_compiler.compile.sources import PROTOCOLS, compile_sources
from headrace_compiler.compile.writing import OF_FILES
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.names import schema_name_problem
from headrace_compiler.document.shape import suggestion

LONGEST_PATTERN = 200
MOST_FOOTER_LINES = 100
LOCATION = re.compile(r"s3://\{landing\}/([A-Za-z0-9_](?:[A-Za-z0-9_./=-]|\{[^{}/]*\})*?)/?")
FIELD = re.compile(r"[^\s*/={}][^*/={}]*")
TOUCHING = re.compile(r"[}*][{*]")
COMPRESSIONS = ("auto", "none", "gzip", "bzip2", "zstd", "zip")
ENCODINGS = re.compile(
    r"utf-8|utf-16(-le|-be)?|ascii|cp125[0-8]|iso8859-(1|2|3|4|5|6|7|8|9|10|13|14|15|16)|cp(437|850|852|866|932)"
    r"|koi8-[ru]|mac-roman|shift_jis|euc_(jp|kr)|cp949|gb18030|gbk|big5(hkscs)?"
)
"""As Python names them: https://docs.python.org/3/library/codecs.html#standard-encodings."""
SUPPORTED = (
    "utf-8, utf-16, iso-8859-1 … -16, windows-1250 … -1258, cp437, cp850, cp852, cp866, koi8-r, koi8-u, mac-roman,"
    " shift_jis, cp932, euc-jp, euc-kr, cp949, gb18030, gbk, big5"
)
"""The same, in the words of a contract."""
OF_SERVER = ("delimiter", "encoding")
"""Keys of a server itself that files of some formats do not have."""
CLEANS = ("trim", "excelText")
TRIMMED = "whether a blank value stood in quotes could not be seen any more"
NAMED_DELIMITERS = {r"\t": "\t", "tab": "\t"}
ROW_SEPARATORS = {"\n", "\r", "\0"}


@dataclass(frozen=True, slots=True)
class Servers:
    """What the servers say. `folders` and `names` are templates of keys; `files` has the patterns of `names`, too.

    `of_columns` are customProperties about all columns.
    """

    prefix: str
    folders: tuple[str, ...]
    format: FileFormat
    schema: str
    database: str | None
    sources: tuple[Source, ...]
    files: tuple[str, ...]
    ignore: tuple[str, ...]
    names: tuple[str, ...]
    groups: Groups = field(default_factory=Groups)
    of_columns: dict[str, Any] = field(default_factory=dict)


def compile_servers(contract: OpenDataContractStandard, problems: Problems) -> Servers | None:
    """The landing place and the target. None, with the reasons noted, when one is missing."""
    source = _only(contract, "s3", problems)
    target = _only(contract, "redshift", problems)
    for index, server in enumerate(contract.servers or []):
        if server.type not in {"s3", "redshift", *PROTOCOLS}:
            supported = ", ".join(("s3", "redshift", *PROTOCOLS))
            problems.add(("servers", index, "type"), f"servers of type {server.type!r} are not supported: {supported}")
    sources = compile_sources(contract, problems)
    if source is None or target is None:
        return None
    prefix, folders = _place(source[1], source[0], problems)
    if sources and folders:
        why = "files that are fetched land below server=…/date=…/hour=…/: their folders cannot be columns"
        problems.add((*source[0], "location"), why)
    file_format = _file_format(source[1], source[0], problems)
    schema = target[1].schema_ or "public"
    if reason := schema_name_problem(schema):
        problems.add((*target[0], "schema"), reason)
    custom.read_custom(target[1].customProperties, custom.NO_PROPERTIES, target[0], problems)
    files, ignore = _patterns(source[1], source[0], problems)
    names = tuple(pattern for pattern in files if fields_of(pattern))
    patterns = tuple(map(as_pattern, files))
    groups = groups_of(source[1], source[0], files, problems, fetched=bool(sources))
    sources = tuple(replace(each, ignore=ignore) for each in sources)
    of_columns = {item.property: item.value for item in source[1].customProperties or [] if item.property in OF_FILES}
    place = (prefix, folders, file_format, schema, target[1].database, sources)
    return Servers(*place, patterns, ignore, names, groups, of_columns)


def _patterns(server: Server, where: Where, problems: Problems) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Patterns of the names that are files, none for all, and of those that are ignored."""
    written = {item.property: item.value for item in server.customProperties or []}  # of right kinds: `_file_format`
    found: dict[str, tuple[str, ...]] = {}
    for name, usual in (("files", ()), ("ignore", IGNORED)):
        value = written.get(name)
        found[name] = tuple(map(str, value)) if isinstance(value, list) else usual
        for pattern in found[name]:
            if not pattern or "/" in pattern or len(pattern) > LONGEST_PATTERN:
                wanted = f"write one such as *.csv, without / and of at most {LONGEST_PATTERN} signs"
                reason = f"{pattern[:40]!r} is no pattern of names: {wanted}"
                problems.add(custom.place_of(server.customProperties, name, where), reason)
    place = custom.place_of(server.customProperties, "files", where)
    for pattern in found["files"]:
        unfit = (template_problem(pattern) or _unclear(pattern)) if set(pattern) & set("{}") else None
        if unfit:
            problems.add(place, unfit)
    return found["files"], found["ignore"]


def _unclear(pattern: str) -> str | None:
    """What a pattern with fields must not have."""
    return f"{pattern[:40]!r}: beside fields in braces, only * is understood" if set(pattern) & set("?[") else None


def template_problem(template: str) -> str | None:
    """Why a text with fields in braces is no template; None if it is one."""
    fields = fields_of(template)
    rest = PLACE.sub("", template)
    if "{" in rest or "}" in rest or not all(FIELD.fullmatch(field) for field in fields):
        return f"{template[:40]!r}: write a field as {{name}}, the name of a property"
    if TOUCHING.search(template):
        return f"{template[:40]!r}: where one field ends and the next begins cannot be seen: put a text between them"
    if len(set(fields)) < len(fields):
        return f"{template[:40]!r} has a field twice"
    return None


def _only(contract: OpenDataContractStandard, kind: str, problems: Problems) -> tuple[Where, Server] | None:
    found: list[tuple[Where, Server]] = [
        (("servers", index), server) for index, server in enumerate(contract.servers or []) if server.type == kind
    ]
    if not found:
        problems.add(("servers",), f"servers lacks one of type {kind}")
    for where, _ in found[1:]:
        problems.add(where, f"there is a server of type {kind} already: a dataset has one")
    return found[0] if found else None


def _place(server: Server, where: Where, problems: Problems) -> tuple[str, tuple[str, ...]]:
    """The prefix of the dataset's keys, and the templates of the folders below."""
    place = (*where, "location")
    match = LOCATION.fullmatch(server.location or "")
    if match is None:
        reason = "location must be a folder of the landing bucket: s3://{landing}/name/, without * in it"
        problems.add(place, f"{reason}; folders behind it may hold columns: s3://{{landing}}/name/dt={{dt}}/")
        return "", ()
    folders = match[1].strip("/").split("/")
    own = next((number for number, folder in enumerate(folders) if "{" in folder), len(folders))
    if not own:
        problems.add(place, "location must begin with a folder that is the dataset's alone, without a field in it")
    for folder in folders[own:]:
        if unfit := template_problem(folder):
            problems.add(place, unfit)
    return "/".join(folders[:own]) + "/", tuple(folders[own:])


def _file_format(server: Server, where: Where, problems: Problems) -> FileFormat:
    traits = NAMES.get(server.format or "")
    if traits is None:
        *others, last = FORMATS
        reason = f"format {server.format!r} is not supported, {', '.join(others)} and {last} are"
        problems.add((*where, "format"), reason + suggestion(server.format or "", NAMES))
        return FileFormat()
    values = custom.read_custom(server.customProperties, custom.SERVER, where, problems)
    _refuse_others_keys(traits, server, values, where, problems)
    made = FileFormat(
        kind=traits.name,
        delimiter=NAMED_DELIMITERS.get(server.delimiter or "", server.delimiter or traits.delimiter),
        quote=values.get("quote", traits.quote),
        header=values.get("header", traits.header),
        escape=values.get("escape", ""),
        escapes=values.get("escapes", ""),
        skip_lines=int(values.get("skipLines", 0)),
        comment=values.get("comment", ""),
        comments=tuple(values.get("comments", ())),
        after_header=int(values.get("skipAfterHeader", 0)),
        footer_lines=int(values.get("footerLines", 0)),
        trailer=values.get("trailer", ""),
        trailer_also=int(values.get("trailerCountsAlso", 0)),
        fills_short=values.get("shortRows") == "fill",
        concatenated=values.get("objects") == "concatenated",
        rows_at=values.get("rowsAt", ""),
        nan_is_null=values.get("nanIsNull", False),
        sheet=values.get("sheet", ""),
        row_element=values.get("rowElement", ""),
        encoding=_encoding(server, where, problems),
        compression=values.get("compression", "auto"),
        max_line_bytes=int(values.get("maxLineBytes", FileFormat().max_line_bytes)),
        max_decompressed_bytes=int(values.get("maxDecompressedBytes", FileFormat().max_decompressed_bytes)),
        null_tokens=tuple(values.get("nullTokens", traits.null_tokens)),
        quoted_nulls=values.get("quotedNulls", True),
        excel_text=values.get("excelText", False),
    )
    _check_format(made, server, where, problems)
    return made


def _refuse_others_keys(
    traits: Format, server: Server, values: dict[str, Any], where: Where, problems: Problems
) -> None:
    for name in traits.lacks:
        if name in values:
            place = custom.place_of(server.customProperties, name, where)
            problems.add(place, f"files of format {server.format} have no {name}: leave it out")
        elif name in OF_SERVER and getattr(server, name) is not None:
            problems.add((*where, name), f"files of format {server.format} have no {name}: leave it out")


def _encoding(server: Server, where: Where, problems: Problems) -> str:
    if server.encoding is None:
        return "auto"
    if server.encoding == "auto":
        return "auto"
    try:
        name = codecs.lookup(server.encoding).name
    except LookupError:
        name = ""
    if not ENCODINGS.fullmatch(name):
        reason = f"encoding {server.encoding!r} is not supported: {SUPPORTED}"
        problems.add((*where, "encoding"), reason)
        return "utf-8"
    return name


def _check_format(made: FileFormat, server: Server, where: Where, problems: Problems) -> None:
    places = {name: custom.place_of(server.customProperties, name, where) for name in custom.SERVER}
    if made.compression not in COMPRESSIONS:
        hint = suggestion(made.compression, COMPRESSIONS)
        problems.add(places["compression"], f"compression must be one of {', '.join(COMPRESSIONS)}{hint}")
    if len(made.quote) > 1 or not made.quote.isascii() or made.quote.isalnum() or made.quote in ROW_SEPARATORS:
        problems.add(places["quote"], "quote must be one mark such as \" or ', or empty for files without quoting")
    if any(separator in made.delimiter for separator in ROW_SEPARATORS) or made.delimiter.isalnum():
        problems.add((*where, "delimiter"), f"delimiter {made.delimiter!r} cannot separate values: it is part of them")
    if server.delimiter == "":
        problems.add((*where, "delimiter"), "delimiter is empty: leave it out for a comma")
    if made.quote and made.quote in made.delimiter:
        problems.add((*where, "delimiter"), "delimiter and quote must differ")
    if made.kind == "xml" and not made.row_element:
        problems.add((*where, "format"), "files of format xml need the customProperty rowElement, the element of a row")
    _check_escape(made, places, problems)
    _check_footer(made, places, problems)
    _check_objects(made, server, places, problems)
    _check_quotes(made, server, places, problems)
    for token in made.null_tokens:
        if made.traits.delimited and any(mark and mark in token for mark in (made.delimiter, made.quote, "\n", "\r")):
            problems.add(places["nullTokens"], f"the null token {token!r} cannot occur in a file of this format")


def _check_quotes(made: FileFormat, server: Server, places: dict[str, Where], problems: Problems) -> None:
    """What quotes mean beside separating values, and rows that end early."""
    short = next((item.value for item in server.customProperties or [] if item.property == "shortRows"), None)
    if short not in {None, "refuse", "fill"}:
        problems.add(places["shortRows"], "shortRows must be refuse or fill")
    if made.excel_text and (made.quote != '"' or made.escape):
        problems.add(places["excelText"], 'excelText is for files whose quote is " and that have no escape')
    cleans = next(
        (item.property for item in server.customProperties or [] if item.property in CLEANS and item.value), None
    )
    if cleans and not made.quoted_nulls:
        problems.add(places["quotedNulls"], f"quotedNulls: false and {cleans} do not go together: {TRIMMED}")


def _check_objects(made: FileFormat, server: Server, places: dict[str, Where], problems: Problems) -> None:
    """Where the rows of JSON are."""
    said = {item.property: item.value for item in server.customProperties or []}
    if said.get("objects") not in {None, "lines", "concatenated"}:
        problems.add(places["objects"], "objects must be lines or concatenated")
    if made.rows_at and (made.concatenated or not all(made.rows_at.split("."))):
        reason = "rowsAt must be the keys to the list of rows in the one object of a file, such as data.items"
        problems.add(places["rowsAt"], f"{reason}, without objects: concatenated")


def _check_footer(made: FileFormat, places: dict[str, Where], problems: Problems) -> None:
    """Lines that are no rows."""
    if made.footer_lines > MOST_FOOTER_LINES:
        problems.add(places["footerLines"], f"footerLines must be up to {MOST_FOOTER_LINES}")
    if made.after_header > MOST_FOOTER_LINES or (made.after_header and not made.header):
        reason = f"skipAfterHeader is for up to {MOST_FOOTER_LINES} lines below a header; without one, skipLines"
        problems.add(places["skipAfterHeader"], reason)
    if made.trailer and (not made.footer_lines or _groups(made.trailer) != 1):
        reason = "trailer must be an expression of RE2 with one group, the number of rows, such as ^END ([0-9]+)$"
        problems.add(places["trailer"], f"{reason}, beside footerLines")
    if made.trailer_also and not made.trailer:
        problems.add(places["trailerCountsAlso"], "trailerCountsAlso belongs to a trailer")
    if not all(made.comments):
        problems.add(places["comments"], "comments must be texts that lines begin with")


def _groups(pattern: str) -> int:
    """How many groups an expression has; -1 if it is none."""
    try:
        found: int = re2.compile(pattern).groups
    except re2.error:
        return -1
    return found


def _check_escape(made: FileFormat, places: dict[str, Where], problems: Problems) -> None:
    if len(made.escape) > 1 or made.escape.isalnum() or (made.escape and made.escape in made.delimiter + made.quote):
        problems.add(places["escape"], "escape must be one mark, other than delimiter and quote, such as '\\'")
    if made.escape and not made.escape.isascii():
        problems.add(places["escape"], "escape must be one mark of ASCII")
    if made.escapes and (made.escapes not in ESCAPES or not made.escape):
        hint = suggestion(made.escapes, ESCAPES)
        problems.add(places["escapes"], f"escapes must be one of {', '.join(ESCAPES)}, beside an escape{hint}")
