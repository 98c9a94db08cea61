"""CPU time of importing each function in a fresh process, with the layers as `sam build` makes them.

A function of 256 MB has a seventh of the CPU that is measured here, so its cold start takes seven times as long.
/opt cannot be written: without byte code in the layers, every cold start compiles all that it imports (last column).
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from headrace.built_for import runtime
from scripts.resolved_template import plain_template

ROOT = Path(__file__).resolve().parents[1]
LAYERS = {
    "HeadraceLayer": "headrace",
    "TransformLayer": "transform",
    "SourcesLayer": "sources",
    "ContractsLayer": "contracts",
    "GlueLayer": "glue",
    "LakeLayer": "lake",
}
BOUNDS = {"transform": 350, "poller": 350, "lake_tables": 1000}  # pandas
BOUND = 250
TRANSFERS = "headrace.adapters.transfers"
PUT_OFF = {"deployment": "migration", "transform": TRANSFERS, "poller": TRANSFERS, "export_advance": TRANSFERS}
"""Imported by a function's first call instead of its start, so measured with the start."""


def main() -> int:
    """Measure all functions; 1 when one is over its bound."""
    parser = argparse.ArgumentParser(prog="make bench-imports", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headrace-imports-") as folder:
        layers = {name: build(layer, Path(folder, layer)) for name, layer in LAYERS.items()}
        venv.create(Path(folder, "bare"), symlinks=True)
        python = Path(folder, "bare", "bin", "python")
        start = measured(python, [], "", given.runs)
        print(f"{runtime()}, an interpreter alone: {start:.0f} ms CPU, taken off below; the least of {given.runs}")
        print(f"{'function':<18}{'MB':>6}{'ms CPU':>9}{'bound':>8}{'≈ cold ms':>11}{'no byte code':>14}")
        slow = 0
        for name, memory, wanted in functions():
            if given.only and name != given.only:
                continue
            path = [str(ROOT / "functions" / name), *(str(layers[layer]) for layer in wanted)]
            code = f"import app, {PUT_OFF[name]}" if name in PUT_OFF else "import app"
            cpu = measured(python, path, code, given.runs) - start
            uncompiled = measured(python, path, f"import sys\nsys.implementation.cache_tag = None\n{code}", 1) - start
            bound = BOUNDS.get(name, BOUND)
            slow += cpu > bound
            cold = cpu * max(1.0, 1769 / memory)
            over = "  over" if cpu > bound else ""
            print(f"{name:<18}{memory:>6}{cpu:>9.0f}{bound:>8}{cold:>11.0f}{uncompiled:>14.0f}{over}")
    return 1 if slow else 0


def functions() -> list[tuple[str, int, list[str]]]:
    """Each function's folder, memory and layers, as the template has them."""
    template = plain_template()
    shared: dict[str, Any] = template["Globals"]["Function"]
    found = []
    for resource_ in template["Resources"].values():
        if resource_["Type"] == "AWS::Serverless::Function":
            properties = resource_["Properties"]
            layers = [each["Ref"] for each in [*properties.get("Layers", []), *shared["Layers"]]]
            memory = properties.get("MemorySize", shared["MemorySize"])
            found.append((Path(properties["CodeUri"]).name, int(memory), layers))
    return sorted(found)


def build(layer: str, folder: Path) -> Path:
    """The layer for this Python, as its makefile builds it: where its files are, if it is only a path to them."""
    environment = {**os.environ, "HEADRACE_RUNTIME": runtime(), "HEADRACE_ARCH": "native"}
    command = [sys.executable, str(ROOT / "scripts" / "build_layer.py"), layer, str(folder)]
    subprocess.run(command, check=True, env=environment)
    pointers = list((folder / "python").rglob("*.pth"))
    return Path(pointers[0].read_text("utf-8").strip()) if pointers else folder / "python"


def measured(python: Path, path: list[str], code: str, runs: int) -> float:
    """The least CPU time in ms of a process that does this."""
    environment = {
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ADMIN_SECRET": "",
        "READER_SECRET": "",
    }
    times = []
    for _ in range(runs + 1):  # the first fills the disk's cache
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([str(python), "-c", code], check=True, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return min(times[1:])  # what else runs on the machine only ever adds


if __name__ == "__main__":
    sys.exit(main())
