"""Lay out state machines: what fits into 120 columns is on one line.

What does not is a line for each member; but lists of plain values, and plain objects in lists (retries, catches,
choices), fill their lines, so that a state's Retry is read as two sentences and not as twenty lines.

    python -m scripts.format_asl [--check] [FILE …]

The JSON stays the same, and so does the order of its keys. With `--check` nothing is written; the exit code is 1 when a
file is laid out differently.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 120


def laid_out(value: Any, indent: int = 0, used: int = 0, *, listed: bool = False) -> str:
    """The JSON text of a value that begins in column `used`; its members are indented by `indent` and two more."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value or used + len(flat) + 1 <= WIDTH:
        return flat
    if isinstance(value, list):
        if all(isinstance(member, dict) for member in value):
            flat_members = [json.dumps(member, ensure_ascii=False) for member in value]
            if all(indent + 3 + len(member) <= WIDTH for member in flat_members):
                return "[\n" + ",\n".join(" " * (indent + 2) + member for member in flat_members) + f"\n{' ' * indent}]"
            return "[" + ", ".join(laid_out(member, indent, used, listed=True) for member in value) + "]"
        return (
            "[\n"
            + filled([json.dumps(member, ensure_ascii=False) for member in value], indent + 2)
            + f"\n{' ' * indent}]"
        )
    inner = indent + 2
    if listed and all(is_plain(member) for member in value.values()):
        members = [
            f"{json.dumps(name)}: {laid_out(member, inner, inner + len(name) + 4)}" for name, member in value.items()
        ]
        return "{\n" + filled(members, inner) + f"\n{' ' * indent}}}"
    lines = []
    for name, member in value.items():
        label = f"{json.dumps(name, ensure_ascii=False)}: "
        lines.append(" " * inner + label + laid_out(member, inner, inner + len(label)))
    return "{\n" + ",\n".join(lines) + f"\n{' ' * indent}}}"


def is_plain(value: Any) -> bool:
    """Whether a value holds no object, and no list of anything but plain values."""
    return (
        all(not isinstance(member, (dict, list)) for member in value)
        if isinstance(value, list)
        else not isinstance(value, dict)
    )


def filled(members: list[str], indent: int) -> str:
    """As many members in a line as fit."""
    lines = [""]
    for position, member in enumerate(members):
        text = member + ("," if position < len(members) - 1 else "")
        first = text.partition("\n")[0]
        if lines[-1] and ("\n" in lines[-1] or indent + len(lines[-1]) + 1 + len(first) > WIDTH or "\n" in text):
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + text
    return "\n".join(" " * indent + line for line in lines)


def main() -> int:
    """Lay out the files, or say which are not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="state machines; all of statemachine/ if none is given")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is laid out differently")
    arguments = parser.parse_args()
    different = []
    for path in arguments.files or sorted((ROOT / "statemachine").glob("*.asl.json")):
        text = path.read_text("utf-8")
        wanted = laid_out(json.loads(text)) + "\n"
        if text != wanted:
            different.append(path)
            if not arguments.check:
                path.write_text(wanted, "utf-8")
    for path in different:
        print(f"{path}: {'run python -m scripts.format_asl' if arguments.check else 'laid out'}")
    return 1 if arguments.check and different else 0


if __name__ == "__main__":
    sys.exit(main())
