"""The command blocks of README and docs: what is typed there, and what it should print.

A line directly above a block may say `<!-- first: COMMANDS -->`, what has to be done before it, or
`<!-- not typed: REASON -->`, why a laptop cannot show it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?:^ *<!-- (first|not typed): ((?:(?!-->).)*) -->\n)?^( *)```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE
)
PROGRAMS = ("headrace ", ".venv", "make ", "aws ", "pip ", "export ", "eval ", "HEADRACE_")
PROMPT = "$ "
LANGUAGES = {"", "sh", "bash", "console"}
"""Blocks in other languages are files, not commands."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block: `first` is done before its commands, `untyped` says why they are not typed."""

    path: Path
    line: int
    text: str
    first: str = ""
    untyped: str = ""

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    @property
    def steps(self) -> list[tuple[str, list[str]]]:
        """Each command with the lines that it should print; none are given where the block has commands only."""
        if PROMPT not in self.text:
            joined = self.text.replace("\\\n", " ")
            return [(line.strip(), []) for line in joined.splitlines() if line.strip()]
        steps: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith(PROMPT):
                steps.append((line.removeprefix(PROMPT), []))
            elif steps and line.strip():
                steps[-1][1].append(line)
        return steps


def blocks(path: Path) -> Iterator[Block]:
    """The blocks of a document that hold commands."""
    text = path.read_text()
    for found in BLOCK.finditer(text):
        kind, said, indent, language, body = found.groups()
        lines = [line.removeprefix(indent) for line in body.splitlines()]
        if language in LANGUAGES and any(line.startswith((PROMPT, *PROGRAMS)) for line in lines):
            first, untyped = (said, "") if kind == "first" else ("", said) if kind else ("", "")
            yield Block(path, text.count("\n", 0, found.start(5)), "\n".join(lines), first, untyped)


SAME = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?"), "<time>"),
    (re.compile(r"\b[0-9a-f]{24}\b"), "<id>"),
    (re.compile(r"─+"), "─"),
    (re.compile(r"\s+"), " "),
)


def differences(expected: list[str], printed: str) -> list[str]:
    """The expected lines that were not printed. `…` stands for anything; times, ids and widths may differ."""
    lines = [_plain(line) for line in printed.splitlines()]
    return [line for line in expected if line.strip() != "…" and not _is_among(_plain(line), lines)]


def _plain(line: str) -> str:
    for pattern, instead in SAME:
        line = pattern.sub(instead, line)
    return line.strip()


def _is_among(line: str, lines: list[str]) -> bool:
    wanted = re.compile(".*".join(map(re.escape, line.split("…"))))
    return any(wanted.fullmatch(one) for one in lines)
