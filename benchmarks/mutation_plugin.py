"""The part of `benchmarks.mutants` that runs in pytest: tests are collected once, and each mutant gets a fork of that.

A fork puts other code into the functions of a module that is imported already, so a mutant costs its tests and nothing
else. What runs while a module is imported (constants, defaults, fields) can't be changed so: such a mutant gets a
its own process, which imports the other source.
"""

from __future__ import annotations

import gc
import importlib
import importlib.machinery
import os
import resource
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

MOST_MEMORY = 12 << 30
"""Bytes of address space: a mutant that fills the memory ends by that."""


def put_in_place(path: str, source: Path) -> None:
    """From here on the module of that path is made of another source."""
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, name: str) -> Any:
        if self.path == path:
            return compile(source.read_text("utf-8"), path, "exec")
        return original(self, name)

    setattr(importlib.machinery.SourceFileLoader, "get_code", get_code)  # noqa: B010 - a method cannot be assigned to


def functions_by_path() -> dict[str, list[FunctionType]]:
    """Every function there is, by the file of its code."""
    found: dict[str, list[FunctionType]] = defaultdict(list)
    for item in gc.get_objects():
        if isinstance(item, FunctionType):
            found[item.__code__.co_filename].append(item)
    return found


def _codes(code: CodeType) -> list[CodeType]:
    """All code in a code, in its order."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return [found for each in inner for found in (each, *_codes(each))]


class Forks:
    """The tests of one pytest session, run again and again in forks of it. `work` does that in place of the usual run.

    `modules` are those that may be changed: all of them are imported before the first fork.
    """

    def __init__(self, modules: Iterable[str], work: Callable[[Forks], None]) -> None:
        self._modules = list(modules)
        self._work = work
        self._session: pytest.Session
        self._items: dict[str, pytest.Item] = {}
        self._functions: dict[str, list[FunctionType]] = {}

    def pytest_configure(self) -> None:
        """A run finds what the run before found."""
        hypothesis = importlib.import_module("hypothesis")  # pytest rewrites its plugins before they are imported
        settings, phase = hypothesis.settings, hypothesis.Phase
        phases = (phase.explicit, phase.generate)  # the smallest counterexample is nobody's question here
        settings.register_profile("mutants", deadline=None, derandomize=True, database=None, phases=phases)
        settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Everything is collected. From here on nothing old is looked at for garbage: forks share its memory."""
        self._session = session
        self._items = {item.nodeid: item for item in session.items}
        for module in self._modules:
            importlib.import_module(module)
        self._functions = functions_by_path()
        gc.collect()
        gc.freeze()
        self._work(self)
        return True

    def swap(self, path: str, source: str) -> bool:
        """Give every function of an imported module the code of another source. Whether each could be given its own."""
        was, now = (_codes(compile(text, path, "exec")) for text in (Path(path).read_text("utf-8"), source))
        if [code.co_qualname for code in was] != [code.co_qualname for code in now]:
            return False
        codes: dict[tuple[str, int], list[CodeType]] = defaultdict(list)
        for old, new in zip(was, now, strict=True):
            codes[old.co_qualname, old.co_firstlineno].append(new)
        for function in self._functions.get(path, ()):
            old = function.__code__
            fitting = codes[old.co_qualname, old.co_firstlineno]
            if len(fitting) != 1 or fitting[0].co_freevars != old.co_freevars:
                return False
            function.__code__ = fitting[0]
        return True

    @property
    def tests(self) -> list[str]:
        """All that were collected, in their order."""
        return list(self._items)

    def outcomes(self, tests: Iterable[str]) -> Iterator[tuple[str, float, bool]]:
        """Run tests one by one: each with its seconds, and whether it passed."""
        items = [self._items[test] for test in tests]
        for item, following in zip(items, [*items[1:], None], strict=True):
            started, self._session.testsfailed = time.monotonic(), 0
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            yield item.nodeid, time.monotonic() - started, not self._session.testsfailed

    def pass_here(self, tests: Iterable[str]) -> bool:
        """Run tests until one fails."""
        return all(passed for _, _, passed in self.outcomes(tests))


def fork(work: Callable[[], bool]) -> int:
    """Do it in its own process group, which prints nothing and exits with 0 if it is true. Returns its id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setpgid(0, 0)
        for name in (signal.SIGTERM, signal.SIGINT):  # a shell's background job ignores the second
            signal.signal(name, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        os._exit(0 if work() else 1)
    finally:
        os._exit(2)


if "MUTANT_PATH" in os.environ:
    put_in_place(os.environ["MUTANT_PATH"], Path(os.environ["MUTANT_SOURCE"]))
