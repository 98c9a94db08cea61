"""Task events as CSV: one row in a hundred is bad, of fourteen kinds; one in fifty updates one of the file before."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from random import Random

HEADER = b"task_id,event_type,event_timestamp,worker_id,duration_ms,score,payload\n"
TYPES = ("created", "assigned", "started", "paused", "resumed", "completed", "failed")
TOOLS = ("scanner", "press", "lathe", "packer", "café robot")
MONDAY = datetime(2026, 3, 2, 6, 0)  # noqa: DTZ001 - the file's times are UTC and say so
BAD_EVERY, BAD_AT = 100, 37
UPDATE_EVERY, UPDATE_AT = 50, 11


def write(folder: Path, *, files: int = 3, rows: int = 1000, seed: int = 1) -> list[Path]:
    """Writes the files; the same arguments give the same bytes, another seed gives other tasks."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"task_events-{seed}-{number:04}.csv" for number in range(1, files + 1)]
    for number, path in enumerate(paths, start=1):
        path.write_bytes(_file(Random(f"{seed}/{number}"), seed, number, rows))  # noqa: S311 - data, not secrets
    return paths


def _file(random: Random, seed: int, number: int, rows: int) -> bytes:
    lines = [_line(random, seed, number, row) for row in range(rows)]
    for row in range(BAD_AT, rows, BAD_EVERY):
        lines[row] = _spoilt(lines[row], row // BAD_EVERY + number)
    return HEADER + b"\n".join(lines) + b"\n"


def _line(random: Random, seed: int, number: int, row: int) -> bytes:
    draw = random.random
    updates = number > 1 and row % UPDATE_EVERY == UPDATE_AT
    at = MONDAY + timedelta(minutes=7 * number, milliseconds=40 * row)
    tool, kind = TOOLS[int(draw() * 5)], TYPES[int(draw() * 7)]
    payload = f'"{{""tool"": {{""name"": ""{tool}""}}, ""steps"": {int(draw() * 30)}}}"' if draw() < 0.8 else ""
    return (
        f"t{seed}-{number - updates:04}-{row + updates:06},{kind},{at.isoformat(timespec='milliseconds')}Z,"
        f"w-{int(draw() * 400):04},{int(draw() * 90000)},{draw():.4f},{payload}"
    ).encode()


def _spoilt(line: bytes, kind: int) -> bytes:
    """The line with one fault of the given kind."""
    task, event, at, worker, duration, score, payload = line.split(b",", 6)
    faults = (
        (b"", event, at, worker, duration, score, payload),
        (task, b"EXPLODED", at, worker, duration, score, payload),
        (task, event, b"yesterday", worker, duration, score, payload),
        (task, event, b"2026-02-30T10:00:00Z", worker, duration, score, payload),
        (task, event, at, b"worker 7", duration, score, payload),
        (task, event, at, worker, b"12.5", score, payload),
        (task, event, at, worker, b"-" + duration, score, payload),
        (task, event, at, worker, b"99999999999999999999", score, payload),
        (task, event, at, worker, duration, b"1.7", payload),
        (task, event, at, worker, duration, score, b'"{""tool"": "'),
        (task, event, at, worker, duration, score),
        (task, event, at, worker, duration, score, payload, b"surplus"),
        (b'"' + task, event, at, worker, duration, score, b""),
        (task, event, at, worker, duration, score, b'"{""tool"": ""caf\xe9""}"'),
    )
    return b",".join(faults[kind % len(faults)])
