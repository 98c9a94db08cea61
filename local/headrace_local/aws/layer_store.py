"""Lambda layers unpacked once for each content, instead of once for each worker process."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from typing import TYPE_CHECKING

from headrace_local.aws.worker import LAYER_POINTER

if TYPE_CHECKING:
    from pathlib import Path


class LayerStore:
    """Unpacked layers in one folder, named by the digest of their archive; workers only read them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def pointer_archive(self, archive: bytes) -> bytes:
        """A tiny archive to hand to a worker in place of `archive`: it says where the files are."""
        pointer = io.BytesIO()
        with zipfile.ZipFile(pointer, "w") as small:
            small.writestr(LAYER_POINTER, str(self._unpacked(archive)))
        return pointer.getvalue()

    def _unpacked(self, archive: bytes) -> Path:
        folder = self._folder / hashlib.sha256(archive).hexdigest()[:24]
        with self._lock:
            if not folder.exists():
                # Under its own name first: a folder with the final name is complete.
                partial = folder.with_suffix(".partial")
                with zipfile.ZipFile(io.BytesIO(archive)) as layer:
                    layer.extractall(partial)
                partial.rename(folder)
        return folder
