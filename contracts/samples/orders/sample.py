"""Orders as JSON Lines: one line in a hundred is bad, of ten kinds; one in fifty updates one of the file before."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

STATUSES = ("placed", "paid", "shipped", "returned")
ARTICLES = ("lamp", "chair", "desk", "shelf", "plant")
NOON = datetime(2026, 3, 2, 12, 0)  # noqa: DTZ001 - the file's times are UTC and say so
BAD_EVERY, BAD_AT = 100, 53
UPDATE_EVERY, UPDATE_AT = 50, 17


def write(folder: Path, *, files: int = 3, rows: int = 1000, seed: int = 1) -> list[Path]:
    """Writes the files; the same arguments give the same bytes, another seed gives other orders."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"orders-{seed}-{number:04}.jsonl" for number in range(1, files + 1)]
    for number, path in enumerate(paths, start=1):
        path.write_bytes(_file(Random(f"{seed}/{number}"), seed, number, rows))  # noqa: S311 - data, not secrets
    return paths


def _file(random: Random, seed: int, number: int, rows: int) -> bytes:
    orders = [_order(random, seed, number, row) for row in range(rows)]
    lines = [json.dumps(order, ensure_ascii=False).encode() for order in orders]
    for row in range(BAD_AT, rows, BAD_EVERY):
        lines[row] = _spoilt(orders[row], row // BAD_EVERY + number)
    return b"\n".join(lines) + b"\n"


def _order(random: Random, seed: int, number: int, row: int) -> dict[str, Any]:
    draw = random.random
    updates = number > 1 and row % UPDATE_EVERY == UPDATE_AT
    at = NOON + timedelta(hours=number, milliseconds=250 * row)
    price = round(5 + draw() * 500, 2)
    return {
        "order_id": (seed * 10_000 + number - updates) * 1_000_000 + row + updates + 1,
        "status": STATUSES[int(draw() * 4)],
        "updated_at": at.isoformat(timespec="milliseconds") + "Z",
        "placed_on": "2026-03-02",
        "customer": {"id": f"c{int(draw() * 5000):05}", "country": "DE" if draw() < 0.5 else "NL"},
        "total": price,
        "currency": "EUR",
        "gift": draw() < 0.1,
        "items": [{"article": ARTICLES[int(draw() * 5)], "count": 1 + int(draw() * 3), "price": price}],
    }


def _spoilt(order: dict[str, Any], kind: int) -> bytes:
    """The order with one fault of the given kind."""
    without_key = {key: value for key, value in order.items() if key != "order_id"}
    faults: tuple[dict[str, Any] | list[Any], ...] = (
        without_key,
        order | {"status": "lost"},
        order | {"updated_at": "02.03.2026"},
        order | {"total": "a lot"},
        order | {"total": -1},
        order | {"total": 19.999},
        order | {"order_id": str(order["order_id"])},
        order | {"customer": None},
        [order],
    )
    kind %= len(faults) + 1
    return json.dumps(order).encode()[:-9] if kind == len(faults) else json.dumps(faults[kind]).encode()
