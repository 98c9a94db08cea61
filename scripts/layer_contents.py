"""What the built layers hold: packages with files and bytes, and the modules of ours that no function imports.

    python -m scripts.layer_contents FOLDER [BEFORE]

A folder holds a built layer in each of its folders, as `.aws-sam/build` does. With the folder of an earlier build, what
differs is printed as well: packages by name and size, modules of ours by name. Byte code is not counted.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
OURS = "headrace"
ENTRIES = ("functions/*/*.py", "glue/*.py")
BYTE_CODE = {".pyc"}

Contents = dict[str, Counter[str]]
"""By layer and package (`headrace/pyarrow`): its `files` and `bytes`."""


def main() -> None:
    """Print the contents of a build, what no function imports, and what differs from an earlier build."""
    folder, *before = (Path(argument) for argument in sys.argv[1:])
    now = contents(folder)
    print_table(now)
    unused = sorted(set(modules(folder)) - reached())
    print(
        f"\n{len(modules(folder))} modules of {OURS}, of which no function imports {len(unused)}:", *unused, sep="\n  "
    )
    for earlier in before:
        print(f"\nSince {earlier}:")
        print_difference(contents(earlier), now)
        old, new = set(modules(earlier)), set(modules(folder))
        print(f"  modules of {OURS}: {len(old)} before, {len(new)} now, {len(old & new)} under the same name")


def contents(folder: Path) -> Contents:
    """The packages of all layers of a build."""
    found: Contents = {}
    for top in sorted(folder.glob("*/python/*")):
        name = f"{top.parents[1].name}/{top.name}"
        for file in (top, *top.rglob("*")):
            if file.is_file() and file.suffix not in BYTE_CODE:
                found.setdefault(name, Counter()).update(files=1, bytes=file.stat().st_size)
    return found


def modules(folder: Path) -> list[str]:
    """Our own modules in a build, by their dotted names."""
    found = []
    for package in folder.glob(f"*/python/{OURS}"):
        for path in sorted(package.rglob("*.py")):
            parts = path.relative_to(package.parent).with_suffix("").parts
            found.append(".".join(parts).removesuffix(".__init__"))
    return found


def reached() -> set[str]:
    """The modules of this checkout that a function or the Glue job imports, itself or through others."""
    graph = grimp.build_graph(OURS)
    names = {name for pattern in ENTRIES for path in sorted(ROOT.glob(pattern)) for name in imported(path)}
    waiting = {module for name in names for module in (name, parent(name)) if module in graph.modules}
    found: set[str] = set()
    while waiting:
        found |= waiting
        ahead = {other for module in waiting for other in graph.find_modules_directly_imported_by(module)}
        waiting = (ahead | {parent(module) for module in waiting if parent(module)}) - found
    return found


def parent(name: str) -> str:
    """The package that a module is in, which is imported with it; empty for one that is in none."""
    return name.rpartition(".")[0]


def imported(path: Path) -> Iterator[str]:
    """What a file imports: modules, and the names in them, of which some are modules."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def print_table(found: Contents) -> None:
    """A line for each package, and one for each layer."""
    layers: Contents = {}
    for name, counts in found.items():
        print(f"{name:<50} {counts['files']:>6,} {counts['bytes']:>13,}")
        layers.setdefault(name.partition("/")[0], Counter()).update(counts)
    for name, counts in layers.items():
        print(f"{name + ' in all':<50} {counts['files']:>6,} {counts['bytes']:>13,}")


def print_difference(before: Contents, now: Contents) -> None:
    """The packages that one of two builds lacks, or holds at another size."""
    for name in sorted({*before, *now}):
        old, new = before.get(name, Counter()), now.get(name, Counter())
        if old != new:
            shown = f"{old['files']:,} files, {old['bytes']:,} bytes -> {new['files']:,} files, {new['bytes']:,} bytes"
            print(f"  {name}: {shown}")


if __name__ == "__main__":
    main()
