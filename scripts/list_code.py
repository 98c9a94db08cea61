"""Write the map of the code into docs/architecture.md: each package with its purpose, each state with its code.

    python -m scripts.list_code

A test compares the page with the folders.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- the map of the code: written by scripts/list_code.py -->\n"
END = "<!-- the end of the map -->\n"
PACKAGES = ("layers/headrace/headrace", "compiler/headrace_compiler", "cli/headrace_cli", "local/headrace_local")


def packages() -> list[str]:
    """A row for each package: its folder, and the first line of its docstring."""
    found = [init for top in PACKAGES for init in sorted((ROOT / top).rglob("__init__.py"))]
    return [f"| `{init.parent.relative_to(ROOT)}/` | {first_line(init)} |" for init in found]


def first_line(path: Path) -> str:
    """The first line of a module's docstring."""
    said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return said.partition("\n")[0]


def states() -> list[str]:
    """A row for each state of the ingest workflow that does something: the function, and the use case that it calls."""
    machine = json.loads((ROOT / "statemachine" / "ingest.asl.json").read_text("utf-8"))
    rows = []
    for name, state in tasks(machine):
        resource = state["Resource"].rpartition(":::")[2]
        function = state.get("Arguments", {}).get("FunctionName", "").strip("${}").removesuffix("Function")
        verb = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in function).lstrip("_")
        code = f"`functions/{verb}`, {use_case(verb)}" if verb else f"`{resource}`"
        rows.append(f"| *{name}* | {code} |")
    return rows


def tasks(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Task of a state machine, those of its Maps among them."""
    for name, state in machine["States"].items():
        if state["Type"] == "Task":
            yield name, state
        if "ItemProcessor" in state:
            yield from tasks(state["ItemProcessor"])


def use_case(function: str) -> str:
    """The module of a function's own name that it calls."""
    for path in sorted((ROOT / "layers/headrace/headrace").rglob(f"{function}.py")):
        return f"`{path.relative_to(ROOT / 'layers/headrace/headrace')}`"
    raise LookupError(f"no module is called as functions/{function} is")


def code_map() -> str:
    """Both tables, in Markdown."""
    rows = [
        "| folder | purpose |",
        "|---|---|",
        *packages(),
        "",
        "| state of the workflow | code |",
        "|---|---|",
        *states(),
    ]
    return "\n".join(rows) + "\n"


def with_map(page: str) -> str:
    """The page with the map of today between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + code_map() + END + after


if __name__ == "__main__":
    PAGE.write_text(with_map(PAGE.read_text("utf-8")), "utf-8")
