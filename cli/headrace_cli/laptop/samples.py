"""The sample files that come with the contracts: `contracts/samples/<dataset>/sample.py`, each with a `write`."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

from headrace_cli.output.failures import CommandError
from headrace_cli.stack.home import project

Write = Callable[..., list[Path]]


def generators(datasets: Iterable[str]) -> dict[str, Write]:
    """The `write` function of every one of these datasets that has samples."""
    folder = project() / "contracts" / "samples"
    files = {dataset: folder / dataset / "sample.py" for dataset in datasets}
    return {dataset: _module(dataset, file).write for dataset, file in files.items() if file.is_file()}


def _module(dataset: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"headrace_samples_{dataset}", file)
    if spec is None or spec.loader is None:
        raise CommandError(f"{file} cannot be read as Python")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
