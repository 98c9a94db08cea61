"""What benchmarks share that run on a laptop of their own: the laptop, a deployment in mid-load, the stored result."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.e2e.conftest import Laptop, copy_checkout


@contextmanager
def own_laptop(
    name: str, parameters: str = "LongestWait=1", prepare: Callable[[Path], None] = lambda _checkout: None
) -> Iterator[Laptop]:
    """A laptop with the stack on it. `prepare` may change its checkout before. Exits with the reason if it fails."""
    with TemporaryDirectory(prefix=f"headrace-{name}-") as folder:
        checkout = copy_checkout(Path(folder) / "checkout")
        prepare(checkout)
        laptop = Laptop(checkout, Path(folder) / "home", parameters)
        try:
            started = laptop.run("up", "--json")
            if started.returncode:
                raise SystemExit(started.stdout + started.stderr)
            yield laptop
        finally:
            laptop.run("down", "--json")


def deploy_anew(laptop: Laptop) -> None:
    """Deploy changed code: every function gets a new layer, while files are on their way."""
    package = laptop.checkout / "layers" / "headrace" / "headrace" / "__init__.py"
    package.write_text(package.read_text() + "\n# deployed in the middle of a load\n")
    laptop.headrace("deploy")


def replace_in(file: Path, pattern: str, by: Any) -> None:
    """Change a file of the checkout. Raises ValueError when it has no such text any more."""
    text, count = re.subn(pattern, by, file.read_text())
    if not count:
        raise ValueError(f"{file.name} has no {pattern}")
    file.write_text(text)


def store(result: dict[str, Any], folder: Path, name: str = "") -> Path:
    """Write the result of a run under its date, its commit and a name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("-".join(filter(None, (result["at"][:10], result["commit"], name))) + ".json")
    path.write_text(json.dumps(result, indent=2) + "\n")
    return path


def tell(what: str) -> None:
    """A line of progress, with the time."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)
