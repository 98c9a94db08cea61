"""The part of `benchmarks.mutants` that runs in pytest: it notes what each test calls, or puts a mutant in place."""

from __future__ import annotations

import importlib.machinery
import json
import os
import sys
import threading
from collections import defaultdict
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

PACKAGE = str(Path(__file__).resolve().parents[1] / "layers" / "headrace" / "headrace")
WATCHED = (f"{PACKAGE}{os.sep}domain", f"{PACKAGE}{os.sep}usecases")


def put_in_place(path: str, source: Path) -> None:
    """From here on the module of that path is made of another source."""
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, name: str) -> Any:
        if self.path == path:
            return compile(source.read_text("utf-8"), path, "exec")
        return original(self, name)

    importlib.machinery.SourceFileLoader.get_code = get_code


class Recorder:
    """Notes the functions that each test calls, and how long it takes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._calls: dict[str, set[tuple[str, int]]] = defaultdict(set)
        self._seconds: dict[str, float] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        """Around a test with its fixtures."""
        seen = self._calls[item.nodeid.partition("[")[0]]

        def watch(frame: FrameType, event: str, _: Any) -> None:
            if event == "call" and frame.f_code.co_filename.startswith(WATCHED):
                seen.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

        threading.setprofile(watch)
        sys.setprofile(watch)
        yield
        sys.setprofile(None)
        threading.setprofile(None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Each phase of a test."""
        name = report.nodeid.partition("[")[0]
        self._seconds[name] = self._seconds.get(name, 0.0) + report.duration

    def pytest_sessionfinish(self) -> None:
        """Write it down."""
        calls = {test: sorted(called) for test, called in self._calls.items()}
        self._file.write_text(json.dumps({"calls": calls, "seconds": self._seconds}), "utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """What is asked for stands in the environment."""
    if file := os.environ.get("MUTANT_RECORD"):
        config.pluginmanager.register(Recorder(Path(file)))


if "MUTANT_PATH" in os.environ:
    put_in_place(os.environ["MUTANT_PATH"], Path(os.environ["MUTANT_SOURCE"]))
