"""`docs/formats.md` tells what the tests show: every row names a test, and no format is left out."""

from __future__ import annotations

import re
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from headrace.transform import Limits

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
        module = file.removesuffix(".py").replace("/", ".")
        assert hasattr(import_module(f"tests.unit.transform.{module}"), test), (file, test)


def test_every_row_of_the_page_is_such_a_row() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and not line.endswith("| test |")]
    assert len(rows) == len(named())


def test_every_limit_is_on_the_page() -> None:
    section = PAGE.read_text().split("## Limits")[1].split("## Rejected")[0]
    for name, limit in asdict(Limits()).items():
        shown = f"{limit:,}" if limit < 1 << 20 or limit % (1 << 20) else size_of(limit)
        assert re.search(rf"\b{shown}\b", section), name


def size_of(limit: int) -> str:
    return f"{limit >> 30} GiB" if limit >= 1 << 30 else f"{limit >> 20} MiB"
