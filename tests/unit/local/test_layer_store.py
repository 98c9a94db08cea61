"""Layers are unpacked once for each content."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from headrace_local.aws.layer_store import LayerStore
from headrace_local.aws.worker import unpacked

if TYPE_CHECKING:
    from pathlib import Path


def packed(text: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("python/module.py", text)
    return archive.getvalue()


def place_in(pointer_archive: bytes, folder: Path) -> Path:
    """Unpack a pointer as the emulator would a layer, and follow it as the worker does."""
    with zipfile.ZipFile(io.BytesIO(pointer_archive)) as pointer:
        pointer.extractall(folder)
    return unpacked(folder)


def test_a_worker_finds_the_files_by_the_pointer(tmp_path: Path) -> None:
    store = LayerStore(tmp_path / "layers")

    place = place_in(store.pointer_archive(packed("x = 1")), tmp_path / "worker")

    assert (place / "python" / "module.py").read_text() == "x = 1"


def test_the_same_content_has_the_same_place_and_another_has_another(tmp_path: Path) -> None:
    store = LayerStore(tmp_path / "layers")
    one, again, other = (store.pointer_archive(packed(text)) for text in ("x = 1", "x = 1", "x = 2"))

    places = [place_in(pointer, tmp_path / f"worker-{n}") for n, pointer in enumerate((one, again, other))]

    assert places[0] == places[1] != places[2]


def test_a_layer_without_a_pointer_is_where_it_is(tmp_path: Path) -> None:
    assert unpacked(tmp_path) == tmp_path
