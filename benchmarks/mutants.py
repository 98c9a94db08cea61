"""`make mutants`: faults put into `domain/` and `usecases/`, one at a time. Do the tests and the searches find them?

    python -m benchmarks.mutants [--sample 200] [--seed 20261130] [--only usecases/ingest …] [--tests tests/unit …]

A mutant is one small change of the code: another comparison, `and` for `or`, another number, a condition turned round,
a statement left out, nothing returned. First every test runs once, and it is noted which statements it reaches; then
each mutant of the sample runs under the tests that reach its statement, the quickest first, until one fails. What no
test minds is printed, with its line. Changes that change nothing are listed in `equivalents.toml`, with the reasons.
Alternatives that were looked at, and what is left alone: decision 66.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import copy
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest

from benchmarks.mutation_plugin import Forks, fork

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "layers" / "headrace" / "headrace"
CODE = ("domain", "usecases", "sources/model", "sources/poll", "exports/model", "exports/steps")
TESTS = (
    *("tests/unit/domain", "tests/unit/usecases", "tests/unit/sources", "tests/unit/exports", "tests/unit/stories"),
    *("tests/unit/adapters", "tests/unit/compiler", "tests/unit/cli/commands"),
    *("--ignore=tests/unit/compiler/test_second_parser.py", "--ignore=tests/unit/cli/commands/look/test_doctor.py"),
    "--ignore=tests/unit/stories/test_arrival_order.py",
)
"""Unit tests and searches. Those of the transform, of SQL and of the doctor are about other code."""
PLUGIN = "benchmarks.mutation_plugin"
EQUIVALENTS = Path(__file__).with_name("equivalents.toml")
AT_ONCE = 2
CPU_SECONDS = 20
"""On top of five times what its tests take: a mutant that loops for ever is found out by that, however busy all is."""
WALL_SECONDS = 90
"""On top of ten times what its tests take: one that waits for ever is found out by that."""
NEAR_FILES = 3
OPTIONS = ("-q", "-s", "-p", "no:cacheprovider", "--timeout=0", "--tb=native", "--assert=plain")
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
    """One change: in which module and function, line of the statement (0: it runs on import), where, from what to what.

    `nth` counts changes of a function that read the same.
    """

    path: Path
    function: str
    statement: int
    line: int
    was: str
    now: str
    source: str
    nth: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {_short(self.was)}  ->  {_short(self.now)}"

    @property
    def module(self) -> str:
        """The module's path below the package."""
        return str(self.path.relative_to(PACKAGE))

    @property
    def name(self) -> tuple[str, str, str, str, int]:
        """What is the same after other lines of the module have changed."""
        return self.module, self.function, _line(self.was), _line(self.now), self.nth


def _line(text: str) -> str:
    return " ".join(text.split())


def _short(text: str) -> str:
    line = _line(text)
    return line if len(line) <= 90 else f"{line[:89]}…"


# -- making them ------------------------------------------------------------------------------------------------------


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mutant of a module."""
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    functions = _functions(tree)
    alike: Counter[tuple[str, str, str]] = Counter()
    for node, statement in _with_statements(tree, 0):
        for changed in _changes(node):
            was = ast.get_source_segment(text, node) or ""
            now = ast.unparse(changed)
            source = _replaced(text, node, now if isinstance(changed, ast.stmt) else f"({now})")
            if _compiles(source):
                line = getattr(node, "lineno", 0)
                function = functions.get(line, "")
                alike[function, was, now] += 1
                yield Mutant(path, function, statement, line, was, now, source, alike[function, was, now])


def _functions(tree: ast.AST, within: str = "") -> dict[int, str]:
    """Which function or class each line is in, by its dotted name."""
    found: dict[int, str] = {}
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = f"{within}{node.name}"
            found |= dict.fromkeys(range(node.lineno, (node.end_lineno or node.lineno) + 1), name)
            found |= _functions(node, f"{name}.")
    return found


def equivalents() -> set[tuple[str, str, str, str, int]]:
    """The names of the mutants that change nothing, as they are listed. Raises ValueError for one without a reason."""
    listed = tomllib.loads(EQUIVALENTS.read_text("utf-8"))["mutant"]
    for item in listed:
        if len(item.get("why", "")) < 20:
            raise ValueError(f"{item} needs a reason, as `why`")
    return {(item["module"], item["function"], item["was"], item["now"], item.get("nth", 1)) for item in listed}


def drawn(mutants: list[Mutant], seed: int, number: int) -> list[Mutant]:
    """So many of them by chance. A change of one module leaves the choice in the others as it is."""
    by_chance = sorted(mutants, key=lambda mutant: hashlib.sha256(repr((seed, *mutant.name)).encode()).digest())
    return by_chance[: number or None]


def _with_statements(node: ast.AST, statement: int) -> Iterator[tuple[ast.AST, int]]:
    """Every node that may be changed, with the line of its statement; 0 for what runs as the module is imported."""
    for child in ast.iter_child_nodes(node):
        if (
            isinstance(child, ast.arg | ast.alias | ast.ImportFrom)
            or _says_nothing(node, child)
            or _does_nothing(child)
        ):
            continue
        if isinstance(child, ast.BinOp) and _is_number(child):
            yield child, statement
            continue
        within = statement
        if isinstance(child, ast.stmt) and (statement or isinstance(node, ast.FunctionDef)):
            within = child.lineno
        yield child, within
        yield from _with_statements(child, within)


def _says_nothing(parent: ast.AST, child: ast.AST) -> bool:
    """Annotations, and decorators: nothing that is done depends on whether a dataclass has slots."""
    annotations = (getattr(parent, "annotation", None), getattr(parent, "returns", None))
    return child in annotations or child in getattr(parent, "decorator_list", ())


def _does_nothing(node: ast.AST) -> bool:
    """A line of the log; an argument that only asserts (`strict`) or only says what for (`usedforsecurity`)."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="logger")))):
            return True
        case ast.keyword(arg="strict" | "usedforsecurity"):
            return True
    return False


def _is_number(node: ast.expr) -> bool:
    """Whether it is a number that is written as a calculation: 20 * 2**30."""
    match node:
        case ast.BinOp():
            return _is_number(node.left) and _is_number(node.right)
        case ast.UnaryOp(op=ast.USub()):
            return _is_number(node.operand)
        case ast.Constant(value=value):
            return isinstance(value, int | float) and not isinstance(value, bool)
    return False


def _other_number(value: float) -> float:
    """One more; twice as many from 100 on, as one more of a thousand is the same to everybody."""
    return 2 * value if abs(value) >= 100 else value + 1


def _changes(node: ast.AST) -> Iterator[ast.AST]:  # noqa: C901 - a case for each kind of change
    changed = copy.deepcopy(node)
    match changed:
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            changed.ops = [COMPARISONS[type(op)]()]
            yield changed
        case ast.BoolOp():
            changed.op = ast.Or() if isinstance(changed.op, ast.And) else ast.And()
            yield changed
        case ast.BinOp() if _is_number(changed):
            yield ast.Constant(_other_number(eval(ast.unparse(changed))))
        case ast.BinOp() if type(changed.op) in OPERATORS and not _of_text(changed) and not _of_types(changed):
            changed.op = OPERATORS[type(changed.op)]()
            yield changed
        case ast.UnaryOp(op=ast.Not()):
            yield changed.operand
        case ast.Constant(value=bool()):
            changed.value = not changed.value
            yield changed
        case ast.Constant(value=int() | float() as number):
            changed.value = _other_number(number)
            yield changed
        case ast.IfExp():
            changed.test = ast.UnaryOp(ast.Not(), changed.test)
            yield changed
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call() | ast.YieldFrom() | ast.Yield()):
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()


def _of_types(node: ast.BinOp) -> bool:
    """Whether it is a type: `Entry | None`."""
    return isinstance(node.right, ast.Constant) and node.right.value is None


def _of_text(node: ast.BinOp) -> bool:
    """Whether it joins texts: what differs then is a message."""
    return any(isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
               for side in (node.left, node.right))  # fmt: skip


def _replaced(text: str, node: ast.AST, with_: str) -> str:
    """The text with the node's own part of it replaced. Columns of the syntax tree count bytes."""
    lines = text.encode().splitlines(keepends=True)
    assert isinstance(node, ast.expr | ast.stmt)
    assert node.end_lineno is not None
    first, last = node.lineno - 1, node.end_lineno - 1
    before = b"".join(lines[:first]) + lines[first][: node.col_offset]
    after = lines[last][node.end_col_offset :] + b"".join(lines[last + 1 :])
    return str(before + with_.encode() + after, "utf-8")


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


# -- which tests reach what -------------------------------------------------------------------------------------------


@dataclass
class Reached:
    """Which tests run which statement, and how long each test takes in seconds. `by_module` has those that run any, or
    whose file imports the module: constants are read without a statement.
    """

    by_statement: dict[tuple[str, int], set[str]]
    by_module: dict[str, set[str]]
    seconds: dict[str, float]

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that could mind, the quickest first."""
        path = str(mutant.path)
        found = self.by_statement.get((path, mutant.statement), set()) if mutant.statement else self.by_module.get(path)
        return sorted(found or (), key=lambda test: self.seconds[test])

    def near(self, mutant: Mutant) -> list[str]:
        """The tests of the module in the few files that reach least beside it."""
        tests = self.by_module.get(str(mutant.path), set())
        reached = Counter(_file_of(test) for others in self.by_module.values() for test in others)
        files = sorted({_file_of(test) for test in tests}, key=lambda file: reached[file])[:NEAR_FILES]
        return sorted((test for test in tests if _file_of(test) in files), key=lambda test: self.seconds[test])


def _file_of(test: str) -> str:
    return test.partition("::")[0]


class Watching(ast.NodeTransformer):
    """A function's statements, each after a note that it was reached."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def visit(self, node: ast.AST) -> ast.AST:
        """Any node."""
        self.generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and not isinstance(node, ast.Module | ast.ClassDef):
                setattr(node, name, [item for statement in block for item in (self._note(statement), statement)])
        return node

    def _note(self, statement: ast.stmt) -> ast.stmt:
        note = ast.parse(f"reached_by_test(({str(self._path)!r}, {statement.lineno}))").body[0]
        return ast.copy_location(note, statement)


def watched(path: Path) -> str:
    """The source of a module that calls the builtin `reached_by_test` with (path, line) before each statement."""
    return ast.unparse(Watching(path).visit(ast.parse(path.read_text("utf-8"))))


def recorded(forks: Forks) -> Reached:
    """Run all tests once. One that fails without any mutant says nothing of them: it is left out, and named."""
    names = list(dict.fromkeys(map(_file_of, forks.tests)))
    shares = [[test for test in forks.tests if _file_of(test) in names[start::AT_ONCE]] for start in range(AT_ONCE)]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / str(number) for number in range(len(shares))]
        pids = []
        for file, share in zip(files, shares, strict=True):
            file.touch()
            pids.append(fork(partial(Notes(file).of, share, forks)))
        failed = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0 for pid in pids]
        lines = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    if any(failed):
        raise pytest.UsageError("the tests could not be run: a process was killed, or two functions look the same")
    statements: dict[tuple[str, int], set[str]] = defaultdict(set)
    modules: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        if not line["passed"]:
            print(f"left out, as it fails without any mutant: {line['test']}", flush=True)
            continue
        for path, number in line["reached"]:
            statements[path, number].add(line["test"])
            modules[path].add(line["test"])
    seconds = {line["test"]: line["seconds"] for line in lines if line["passed"]}
    for test_file, tests in groupby(forks.tests, _file_of):
        beside = seconds.keys() & set(tests)
        for path in _imported(ROOT / test_file):
            modules[path] |= beside
    return Reached(dict(statements), dict(modules), seconds)


def _imported(test_file: Path) -> set[str]:
    """The modules of the code that a test's file imports by name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(test_file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {str(path) for path in modules_of("") if _module_name(path) in names}


class Notes:
    """What each test reaches, written to a file as it ends."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._reached: set[tuple[str, int]] = set()

    def of(self, tests: list[str], forks: Forks) -> bool:
        """Run them; whether that could be done. To be called in a fork."""
        builtins.reached_by_test = self._reached.add  # type: ignore[attr-defined]
        if not all(forks.swap(str(path), watched(path)) for path in modules_of("")):
            return False
        with self._file.open("a", encoding="utf-8") as file:
            for test, seconds, passed in forks.outcomes(tests):
                line = {"test": test, "seconds": seconds, "passed": passed, "reached": sorted(self._reached)}
                file.write(json.dumps(line) + "\n")
                self._reached.clear()
        return True


# -- the run --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """A mutant under its tests, in a process."""

    mutant: Mutant
    until: float


class Trials:
    """Mutants tried side by side."""

    def __init__(self, forks: Forks, reached: Reached) -> None:
        self._forks = forks
        self._reached = reached
        self._running: dict[int, Trial] = {}
        self._lives: dict[Mutant, bool] = {}

    def lives(self, mutants: list[Mutant]) -> Iterator[tuple[Mutant, bool]]:
        """Each mutant as it is decided, and whether no test minds it."""
        try:
            for mutant in mutants:
                tests = self._reached.tests_of(mutant)
                if not tests:
                    yield mutant, True
                    continue
                if len(self._running) == AT_ONCE:
                    yield self._next()
                self._start(mutant, tests)
            while self._running:
                yield self._next()
        finally:
            for pid in self._running:
                os.killpg(pid, signal.SIGKILL)

    def _start(self, mutant: Mutant, tests: list[str]) -> None:
        usual = sum(self._reached.seconds[test] for test in tests)
        cpu = CPU_SECONDS + round(5 * usual)
        pid = fork(lambda: survives(mutant, tests, self._reached.near(mutant), self._forks, cpu))
        self._running[pid] = Trial(mutant, time.monotonic() + WALL_SECONDS + 10 * usual)

    def _next(self) -> tuple[Mutant, bool]:
        """The next that ends, or takes too long."""
        while True:
            for pid, trial in self._running.items():
                ended, status = os.waitpid(pid, os.WNOHANG)
                late = time.monotonic() > trial.until
                if late and not ended:
                    os.killpg(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                if ended or late:
                    del self._running[pid]
                    return trial.mutant, bool(ended) and os.waitstatus_to_exitcode(status) == 0
            time.sleep(0.005)


def survives(mutant: Mutant, tests: list[str], near: list[str], forks: Forks, cpu_seconds: int) -> bool:
    """Whether no test minds. Leaves the mutant in place: to be called in a fork."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    if mutant.statement and forks.swap(str(mutant.path), mutant.source):
        return forks.pass_here(tests)
    return all(_pass_elsewhere(mutant, some) for some in (near, tests))


def _pass_elsewhere(mutant: Mutant, tests: list[str]) -> bool:
    """Run tests in a process that imports the mutant."""
    with tempfile.TemporaryDirectory() as folder:
        source, listed = Path(folder) / "mutant.py", Path(folder) / "tests"
        source.write_text(mutant.source, "utf-8")
        listed.write_text("\n".join(tests), "utf-8")
        environment = os.environ | {"MUTANT_PATH": str(mutant.path), "MUTANT_SOURCE": str(source)}
        command = [sys.executable, "-m", "pytest", "-x", *OPTIONS, "-p", PLUGIN, f"@{listed}"]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def modules_of(ends: str) -> list[Path]:
    """The modules of domain and use cases whose path ends so."""
    return [path for code in CODE for path in sorted((PACKAGE / code).rglob("*.py")) if str(path).endswith(ends)]


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def main() -> int:
    """Draw the sample, try it, print who lives."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=200, help="how many mutants; 0: all (default: 200)")
    parser.add_argument("--seed", type=int, nargs="+", default=[20261130], help="which ones; several: a sample of each")
    parser.add_argument(
        "--only", nargs="*", default=[""], help="only of modules whose path ends so: usecases/ingest/bisect_batch.py"
    )
    parser.add_argument("--tests", nargs="*", default=TESTS, help="only these tests, as pytest takes them")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    modules = sorted({path for ends in chosen.only for path in modules_of(ends)})
    every = [mutant for path in modules for mutant in mutants_of(path)]
    known = equivalents()
    meant = [mutant for mutant in every if mutant.name not in known]
    samples = {seed: drawn(meant, seed, chosen.sample) for seed in chosen.seed}
    print(
        f"{len(every):,} mutants of {len(modules)} modules, {len(every) - len(meant)} of which change nothing; "
        f"a sample of {chosen.sample or len(meant)} of the others, seed {' '.join(map(str, samples))}",
        flush=True,
    )
    living: set[Mutant] = set()
    tried = list(dict.fromkeys(mutant for sample in samples.values() for mutant in sample))
    forks = Forks(map(_module_name, modules_of("")), lambda forks: living.update(_tried(tried, forks)))
    failed = pytest.main([*OPTIONS, *chosen.tests], [forks])
    if failed:
        return failed
    shares = [_share(seed, sample, living) for seed, sample in samples.items()]
    return 0 if max(shares) <= 0.05 else 1


def _share(seed: int, sample: list[Mutant], living: set[Mutant]) -> float:
    number = len(living.intersection(sample))
    share = number / max(1, len(sample))
    print(f"seed {seed}: {number} of {len(sample)} live: {share:.1%}")
    return share


def _tried(sample: list[Mutant], forks: Forks) -> Iterator[Mutant]:
    """Those that live."""
    started = time.monotonic()
    reached = recorded(forks)
    print(f"{len(reached.seconds):,} tests ran once in {time.monotonic() - started:.0f} s", flush=True)
    for number, (mutant, lives) in enumerate(Trials(forks, reached).lives(sample), start=1):
        if lives:
            untested = "" if reached.tests_of(mutant) else "   (no test reaches it)"
            print(f"lives  {mutant}{untested}", flush=True)
            yield mutant
        if number % 25 == 0:
            print(f"{number} of {len(sample)}, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
