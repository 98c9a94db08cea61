"""pandas doing the same job as well as it can: in chunks, every column checked as a whole.

What it cannot do: a row that lacks its last field looks like one whose last field is empty, and a quote that is never
closed takes the lines after it along, so that the numbers of all later rows are wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.transform.data import KINDS, NAMES
from benchmarks.transform.engines import BAD, GOOD, OLDEST, SETTINGS

CHUNK = 262_144
SURPLUS = "surplus"
INTEGER = "-?[0-9]{1,18}"
NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"


def pandas_csv(source: Path, folder: Path) -> None:
    """Reads all as text, then checks and converts column by column; the raw lines come from a second pass."""
    rejected: dict[int, str | None] = {}
    with pq.ParquetWriter(folder / "good.parquet", GOOD, **SETTINGS) as good:
        for chunk in _chunks(source):
            table, bad = _checked(chunk)
            rejected |= bad
            good.write_table(table)
    with pq.ParquetWriter(folder / "bad.parquet", BAD, compression="zstd") as writer:
        writer.write_table(_bad_rows(source, rejected))


def _chunks(source: Path) -> Iterator[pd.DataFrame]:
    columns = [*NAMES, SURPLUS]
    with pd.read_csv(
        source, header=None, skiprows=1, names=columns, dtype=str, keep_default_na=False, na_values=[""],
        chunksize=CHUNK, encoding_errors="replace", on_bad_lines="skip", engine="c",
    ) as chunks:  # fmt: skip
        yield from chunks


def _checked(chunk: pd.DataFrame) -> tuple[pa.Table, dict[int, str | None]]:
    at = pd.to_datetime(chunk["at"], format="ISO8601", utc=True, errors="coerce").dt.tz_localize(None)
    duration = _number(chunk["duration_ms"], INTEGER).astype("Int64")
    score = _number(chunk["score"], NUMBER).astype("Float64")
    faults = {
        "event_id": chunk["event_id"].isna() | (chunk["event_id"].str.len() > 64),
        "kind": ~chunk["kind"].isin(KINDS),
        "at": at.isna() | (at < pd.Timestamp(OLDEST)),
        "worker": chunk["worker"].notna() & ~chunk["worker"].str.fullmatch("w-[0-9]{4}", na=False),
        "duration_ms": chunk["duration_ms"].notna() & (duration.isna() | (duration < 0)).fillna(value=True),
        "score": chunk["score"].notna() & (score.isna() | (score < 0) | (score > 1)).fillna(value=True),
        "payload": chunk["payload"].notna() & ~_json(chunk["payload"]),
        SURPLUS: chunk[SURPLUS].notna(),
    }
    bad = pd.DataFrame(faults)
    any_bad = bad.any(axis=1)
    first = bad[any_bad].idxmax(axis=1)
    rejected = {row + 1: None if bad.at[row, SURPLUS] else str(column) for row, column in first.items()}
    typed = chunk[list(NAMES)].assign(at=at, duration_ms=duration, score=score)[~any_bad]
    typed["_row_number"] = typed.index + 1
    return pa.Table.from_pandas(typed, preserve_index=False).cast(GOOD), rejected


def _number(texts: pd.Series, pattern: str) -> pd.Series:
    return pd.to_numeric(texts.where(texts.str.fullmatch(pattern, na=False)), errors="coerce")


def _json(texts: pd.Series) -> pd.Series:
    return pd.Series([type(text) is str and _is_json(text) for text in texts], index=texts.index)


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return "\ufffd" not in text


def _bad_rows(source: Path, rejected: dict[int, str | None]) -> pa.Table:
    with source.open("rb") as lines:
        raw = [line.rstrip(b"\r\n") for number, line in enumerate(lines) if number in rejected]
    numbers = sorted(rejected)[: len(raw)]
    return pa.table([numbers, raw, [rejected[number] for number in numbers]], schema=BAD)
