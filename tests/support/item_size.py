"""How large an item is, as DynamoDB counts it: names and values.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

import math
from typing import Any

CONTAINER = 3
"""Bytes that a list or map takes for itself, and one more for each element."""
Item = dict[str, Any]


def size_of(item: Item) -> int:
    """Bytes of an item."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Item) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return math.ceil(len(content.strip("-0.").replace(".", "")) / 2) + 1
    if kind == "M":
        return CONTAINER + sum(1 + len(name.encode()) + _size(field) for name, field in content.items())
    if kind in {"L", "SS"}:
        fields = content if kind == "L" else [{"S": text} for text in content]
        return CONTAINER + sum(1 + _size(field) for field in fields)
    return len(content) if kind == "B" else 1
