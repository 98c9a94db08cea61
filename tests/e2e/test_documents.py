"""What README and docs say to type, typed on a laptop that is as after the demo, and what it prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace_cli.laptop.samples import generators
from tests.e2e.conftest import Laptop
from tests.support.typed import DOCUMENTS, blocks, differences

TYPED = [path for path in DOCUMENTS if any(not block.untyped for block in blocks(path))]


@pytest.fixture(scope="module")
def samples(laptop: Laptop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's files but for the largest dataset's, dropped as the demo drops them."""
    folder = tmp_path_factory.mktemp("samples")
    for dataset in ("orders", "task_events"):
        (write,) = generators([dataset]).values()
        files = write(folder)
        laptop.headrace("drop", dataset, *map(str, files))
    laptop.settle()
    return folder


@pytest.mark.parametrize("path", TYPED, ids=lambda path: path.stem)
def test_what_a_document_says_to_type(laptop: Laptop, samples: Path, path: Path) -> None:
    for block in blocks(path):
        if block.untyped:
            continue
        for command in filter(None, block.first.splitlines()):
            done = laptop.shell(command, SAMPLES=str(samples))
            assert done.returncode == 0, f"{block.place}: {command}\n{done.stdout}{done.stderr}"
        for command, expected in block.steps:
            done = laptop.shell(command, SAMPLES=str(samples))
            said = f"{block.place}: {command}\n{done.stdout}{done.stderr}"
            found = done.returncode == 1 and done.stdout.strip()  # what there is to find; errors are on stderr
            assert done.returncode == 0 or found, said
            assert "Traceback" not in said
            assert not differences(expected, done.stdout), said
