"""What the tests of the transform share: contracts made of columns, and files read in one call."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.domain.contract import Column, Contract, FileFormat, Kind
from headrace.transform import BadRow, FileReport, FileTransform, Limits

BLOCK = 4 << 20
WIDTHS = {16: "SMALLINT", 32: "INTEGER", 64: "BIGINT"}


def contract(*columns: Column, **file_format: Any) -> Contract:
    """A contract with these columns, for files written so."""
    return Contract("parcels", "2.1.0", "d", "parcels/", FileFormat(**file_format), "public", "parcels", columns)


def text(name: str, size: int = 16, **rules: Any) -> Column:
    return Column(name, name, Kind.STRING, f"VARCHAR({size})", max_bytes=size, **rules)


def integer(name: str, bits: int = 64, **rules: Any) -> Column:
    return Column(name, name, Kind.INTEGER, WIDTHS[bits], bits=bits, **rules)


def decimal(name: str, precision: int, scale: int, **rules: Any) -> Column:
    type_name = f"DECIMAL({precision},{scale})"
    return Column(name, name, Kind.DECIMAL, type_name, precision=precision, scale=scale, **rules)


def number(name: str, bits: int = 64, **rules: Any) -> Column:
    return Column(name, name, Kind.FLOAT, "REAL" if bits == 32 else "DOUBLE PRECISION", bits=bits, **rules)


def column(name: str, kind: Kind, **rules: Any) -> Column:
    return Column(name, name, kind, kind.upper(), **rules)


@dataclass(frozen=True)
class Read:
    """A file as the transform saw it."""

    good: list[dict[str, Any]]
    bad: list[BadRow]
    report: FileReport

    def values(self, *names: str) -> list[Any]:
        """The good rows' values of one column, or tuples of several."""
        return [row[names[0]] if len(names) == 1 else tuple(row[n] for n in names) for row in self.good]

    def errors(self) -> list[tuple[int, str | None, str]]:
        """Row number, column and rule of every error."""
        return [(row.row_number, error.column, error.rule) for row in self.bad for error in row.errors]


def moment(*parts: int) -> datetime:
    """A time as the warehouse has it: UTC, without saying so."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


def transform_of(
    spec: Contract,
    data: bytes,
    block_bytes: int = BLOCK,
    limits: Limits | None = None,
    key: str = "parcels/parcels.csv",
) -> FileTransform:
    return FileTransform(
        spec,
        io.BytesIO(data),
        name="parcels.csv",
        key=key,
        file_id="f" * 24,
        batch_id="parcels-7",
        block_bytes=block_bytes,
        limits=limits,
    )


def read(
    spec: Contract,
    data: bytes,
    block_bytes: int = BLOCK,
    limits: Limits | None = None,
    key: str = "parcels/parcels.csv",
) -> Read:
    """Reads the whole file, and checks that every row is accounted for."""
    transform = transform_of(spec, data, block_bytes, limits, key)
    good: list[dict[str, Any]] = []
    bad: list[BadRow] = []
    for block in transform:
        good += block.good.to_pylist()
        bad += block.bad
    report = transform.report
    numbers = sorted([row["_row_number"] for row in good] + [row.row_number for row in bad])
    assert numbers == list(range(1, report.rows_read + 1))
    assert (len(good), len(bad)) == (report.rows_good, report.rows_bad)
    return Read(good, bad, report)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return archive.getvalue()


def odd_zip(content: str, *, central: tuple[int, bytes], local: tuple[int, bytes] | None = None) -> bytes:
    """A zip of one member whose headers have other bytes at these places."""
    data = bytearray(zipped({"a.csv": content.encode()}))
    for start, (place, other) in ((data.index(b"PK\1\2"), central), (0, local or (0, b""))):
        data[start + place : start + place + len(other)] = other
    return bytes(data)
