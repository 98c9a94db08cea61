"""`docs/formats.md` tells what the tests show: every row names a test, and no format is left out."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from .test_formats import REJECTED, TEXTS

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"
ROW = re.compile(r"^\|.*\| `([^`]+)` \|$", re.MULTILINE)


def named() -> list[str]:
    return ROW.findall(PAGE.read_text())


def test_every_format_is_a_row_of_the_page() -> None:
    assert [name for name in named() if "::" not in name] == [*TEXTS, *REJECTED]


def test_every_other_row_names_a_test() -> None:
    others = [name.split("::") for name in named() if "::" in name]
    assert len(others) > 15
    for file, test in others:
        assert hasattr(import_module(f"tests.unit.transform.{file.removesuffix('.py')}"), test), (file, test)


def test_every_row_of_the_page_is_such_a_row() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and not line.endswith("| test |")]
    assert len(rows) == len(named())
