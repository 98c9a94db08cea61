"""`make mutants`: faults put into `domain/` and `usecases/`, one at a time. Do the tests and the searches find them?

    python -m benchmarks.mutants [--sample 200] [--seed 20261130] [--only usecases/give_up.py]

A mutant is one small change of the code: another comparison, `and` for `or`, a number one more, a condition turned
round, a statement left out, nothing returned. First every test runs once, and it is noted which functions it calls;
then each mutant of the sample runs under the tests that call its function, the quickest first, until one fails. What no
test minds is printed, with its line. Alternatives that were looked at: decision 66.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "layers" / "headrace" / "headrace"
CODE = ("domain", "usecases")
TESTS = (
    *("tests/unit/domain", "tests/unit/usecases", "tests/unit/adapters", "tests/unit/contracts", "tests/unit/cli"),
    *("tests/unit/transform", "tests/functional/sources", "tests/functional/test_ledger.py"),
)
"""Sources are tested against real servers of FTP and SFTP; the others are unit tests and searches."""
PLUGIN = "benchmarks.mutation_plugin"
AT_ONCE = 2
LIMIT_SECONDS = 240
"""A mutant that loops for ever is found out by that."""
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: which module, which function by its first line (0: the module's own), where, from what to what."""

    path: Path
    function: int
    line: int
    was: str
    now: str
    source: str

    def __str__(self) -> str:
        place = f"{self.path.relative_to(PACKAGE)}:{self.line}"
        return f"{place}: {_short(self.was)}  ->  {_short(self.now)}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 90 else f"{line[:89]}…"


# -- making them ------------------------------------------------------------------------------------------------------


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mutant of a module."""
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    for node, function in _with_functions(tree, 0):
        for changed in _changes(node):
            was = ast.get_source_segment(text, node) or ""
            now = ast.unparse(changed)
            source = _replaced(text, node, now if isinstance(changed, ast.stmt) else f"({now})")
            if _compiles(source):
                yield Mutant(path, function, getattr(node, "lineno", 0), was, now, source)


def _with_functions(node: ast.AST, function: int) -> Iterator[tuple[ast.AST, int]]:
    """Every node that may be changed, with the first line of the function that it is in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.arg | ast.alias | ast.ImportFrom) or _says_nothing(node, child):
            continue
        inside = function
        if isinstance(child, ast.FunctionDef):
            inside = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
        yield child, inside
        yield from _with_functions(child, inside)


def _says_nothing(parent: ast.AST, child: ast.AST) -> bool:
    """Annotations, and decorators: nothing that is done depends on whether a dataclass has slots."""
    annotations = (getattr(parent, "annotation", None), getattr(parent, "returns", None))
    return child in annotations or child in getattr(parent, "decorator_list", ())


def _changes(node: ast.AST) -> Iterator[ast.AST]:  # noqa: C901 - a case for each kind of change
    changed = copy.deepcopy(node)
    match changed:
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            changed.ops = [COMPARISONS[type(op)]()]
            yield changed
        case ast.BoolOp():
            changed.op = ast.Or() if isinstance(changed.op, ast.And) else ast.And()
            yield changed
        case ast.BinOp() if type(changed.op) in OPERATORS and not _of_text(changed):
            changed.op = OPERATORS[type(changed.op)]()
            yield changed
        case ast.UnaryOp(op=ast.Not()):
            yield changed.operand
        case ast.Constant(value=bool()):
            changed.value = not changed.value
            yield changed
        case ast.Constant(value=int()):
            changed.value += 1
            yield changed
        case ast.IfExp():
            changed.test = ast.UnaryOp(ast.Not(), changed.test)
            yield changed
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call() | ast.YieldFrom() | ast.Yield()):
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()


def _of_text(node: ast.BinOp) -> bool:
    """Whether it joins texts: what differs then is a message."""
    return any(isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
               for side in (node.left, node.right))  # fmt: skip


def _replaced(text: str, node: ast.AST, with_: str) -> str:
    """The text with the node's own part of it replaced. Columns of the syntax tree count bytes."""
    lines = text.encode().splitlines(keepends=True)
    first, last = node.lineno - 1, node.end_lineno - 1
    before = b"".join(lines[:first]) + lines[first][: node.col_offset]
    after = lines[last][node.end_col_offset :] + b"".join(lines[last + 1 :])
    return (before + with_.encode() + after).decode()


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


# -- which tests call what ------------------------------------------------------------------------------------------


@dataclass
class Calls:
    """Which tests call which function, and how long each test takes in seconds."""

    by_function: dict[tuple[str, int], set[str]]
    by_module: dict[str, set[str]]
    seconds: dict[str, float]

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that could mind, the quickest first."""
        path = str(mutant.path)
        found = self.by_function.get((path, mutant.function)) if mutant.function else None
        return sorted(found or self.by_module.get(path, ()), key=lambda test: self.seconds.get(test, 0.0))


def recorded() -> Calls:
    """Run all tests once. Exits when one fails: nothing could be said of a mutant then."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "calls.json"
        ended = _pytest(list(TESTS), {"MUTANT_RECORD": str(file)}, limit=3600)
        if ended.returncode:
            sys.exit(f"the tests fail without any mutant:\n{ended.stdout[-3000:]}")
        found = json.loads(file.read_text("utf-8"))
    functions: dict[tuple[str, int], set[str]] = defaultdict(set)
    modules: dict[str, set[str]] = defaultdict(set)
    for test, called in found["calls"].items():
        for path, line in called:
            functions[path, line].add(test)
            modules[path].add(test)
    return Calls(dict(functions), dict(modules), found["seconds"])


def _pytest(
    tests: list[str], environment: dict[str, str], limit: float, *options: str
) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        PLUGIN,
        "--timeout=0",
        *options,
        *tests,
    ]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )


# -- the run --------------------------------------------------------------------------------------------------------


def survives(mutant: Mutant, tests: list[str]) -> bool:
    """Whether no test minds."""
    if not tests:
        return True
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "mutant.py"
        source.write_text(mutant.source, "utf-8")
        listed = Path(folder) / "tests"
        listed.write_text("\n".join(tests), "utf-8")
        environment = {"MUTANT_PATH": str(mutant.path), "MUTANT_SOURCE": str(source)}
        try:
            return _pytest([f"@{listed}"], environment, LIMIT_SECONDS).returncode == 0
        except subprocess.TimeoutExpired:
            return False


def main() -> int:
    """Draw the sample, try it, print who lives."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=200, help="how many mutants (default: 200)")
    parser.add_argument("--seed", type=int, default=20261130, help="which ones (default: 20261130)")
    parser.add_argument("--only", default="", help="only of modules whose path ends so: usecases/give_up.py")
    chosen = parser.parse_args()
    modules = [
        path for code in CODE for path in sorted((PACKAGE / code).glob("*.py")) if str(path).endswith(chosen.only)
    ]
    every = [mutant for path in modules for mutant in mutants_of(path)]
    sample = random.Random(chosen.seed).sample(every, min(chosen.sample, len(every)))
    print(
        f"{len(every):,} mutants of {len(modules)} modules; a sample of {len(sample)}, seed {chosen.seed}", flush=True
    )
    started = time.monotonic()
    calls = recorded()
    print(f"{len(calls.seconds):,} tests ran once in {time.monotonic() - started:.0f} s", flush=True)
    living = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number, (mutant, lives) in enumerate(
            zip(sample, pool.map(lambda mutant: survives(mutant, calls.tests_of(mutant)), sample), strict=True), start=1
        ):
            if lives:
                living.append(mutant)
                untested = "" if calls.tests_of(mutant) else "   (no test calls it)"
                print(f"lives  {mutant}{untested}", flush=True)
            if number % 25 == 0:
                print(f"{number} of {len(sample)}, {time.monotonic() - started:.0f} s", flush=True)
    share = len(living) / max(1, len(sample))
    print(f"{len(living)} of {len(sample)} live: {share:.1%}")
    return 0 if share <= 0.05 else 1


if __name__ == "__main__":
    sys.exit(main())
