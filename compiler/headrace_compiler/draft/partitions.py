"""Folders of samples that name a column and its value, as Hive writes partitions: `dt=2026-03-01/`."""

from __future__ import annotations

from pathlib import Path

from headrace.domain.files.key_values import folder_values


def partitions_of(paths: list[Path]) -> dict[str, list[str | None]]:
    """The columns that all samples' folders name alike, outermost first, each with its values in the samples' order."""
    found = [_folders(path) for path in paths]
    names = [[folder.partition("=")[0] for folder in folders] for folders in found]
    if not names or not names[0] or any(other != names[0] for other in names) or len(set(names[0])) < len(names[0]):
        return {}
    templates = [f"{name}={{{name}}}" for name in names[0]]
    values = [
        folder_values(templates, "/".join((*folders, path.name))) for folders, path in zip(found, paths, strict=True)
    ]
    return {name: [known[name] for known in values if known is not None] for name in names[0]}


def _folders(path: Path) -> list[str]:
    """The last folders before the file that are all of the form `name=value`."""
    folders: list[str] = []
    for part in reversed(path.resolve().parts[1:-1]):
        name, sign, value = part.partition("=")
        if not (name.isidentifier() and name.isascii() and sign and value):
            break
        folders.insert(0, part)
    return folders
