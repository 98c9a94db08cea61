"""Sensor readings, pipe-delimited and gzipped: one row in a hundred is bad, of eight kinds."""

from __future__ import annotations

import gzip
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

HEADER = b"sensor_id|measured_at|temperature|humidity|battery_low|installed_on\n"
MIDNIGHT = datetime(2026, 3, 2)  # noqa: DTZ001 - the sensors' times are UTC
BAD_EVERY, BAD_AT = 100, 41


def write(folder: Path, *, files: int = 3, rows: int = 1000, seed: int = 1) -> list[Path]:
    """Writes the files; the same arguments give the same bytes, another seed gives other readings."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"sensor_readings-{seed}-{number:04}.csv.gz" for number in range(1, files + 1)]
    for number, path in enumerate(paths, start=1):
        content = _file(Random(f"{seed}/{number}"), number, rows)  # noqa: S311 - data, not secrets
        path.write_bytes(gzip.compress(content, compresslevel=6, mtime=0))
    return paths


def _file(random: Random, number: int, rows: int) -> bytes:
    lines = [_line(random, number, row) for row in range(rows)]
    for row in range(BAD_AT, rows, BAD_EVERY):
        lines[row] = _spoilt(lines[row], row // BAD_EVERY + number)
    return HEADER + b"\n".join(lines) + b"\n"


def _line(random: Random, number: int, row: int) -> bytes:
    draw = random.random
    at = MIDNIGHT + timedelta(hours=number, seconds=row)
    humidity = f"{draw() * 100:.1f}" if draw() < 0.95 else "-"
    battery = "yes" if draw() < 0.03 else "no"
    installed = f"{1 + row % 28:02}/{1 + row % 12:02}/{2018 + row % 7}"
    return f"s{row % 500:05}|{at:%d/%m/%Y %H:%M:%S}|{draw() * 60 - 15:.2f}|{humidity}|{battery}|{installed}".encode()


def _spoilt(line: bytes, kind: int) -> bytes:
    """The line with one fault of the given kind."""
    sensor, at, temperature, humidity, battery, installed = line.split(b"|")
    faults = (
        (b"sensor 7", at, temperature, humidity, battery, installed),
        (sensor, b"2026-03-02 10:00:00", temperature, humidity, battery, installed),
        (sensor, b"31/02/2026 10:00:00", temperature, humidity, battery, installed),
        (sensor, at, b"21.375", humidity, battery, installed),
        (sensor, at, b"999.9", humidity, battery, installed),
        (sensor, at, temperature, humidity, b"perhaps", installed),
        (sensor, at, temperature, humidity, battery, b"01/01/1970"),
        (sensor, at, temperature),
    )
    return b"|".join(faults[kind % len(faults)])
