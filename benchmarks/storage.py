"""Bytes of the shipped samples as they land, and as Parquet: `python -m benchmarks.storage`.

Headrace's own Parquet, with its lineage columns, in Snappy, which COPY is documented to read; the same in ZSTD; and the
landed file gzipped. Files of 100,000 rows, the largest of task events that are spoken of. Printed, and stored in
`benchmarks/results/storage`.
"""

from __future__ import annotations

import gzip
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any
from zipfile import ZipFile

import pyarrow.parquet as pq

from benchmarks.laptop import machine
from benchmarks.own_laptop import store
from headrace.usecases.check import check_file
from headrace_cli.output.console import show, table
from headrace_compiler import compile_contract

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results" / "storage"
SAMPLES = sorted(path.parent.name for path in (ROOT / "contracts" / "samples").glob("*/sample.py"))
ROWS = 100_000
CODECS = ("snappy", "zstd")


def main() -> int:
    """Print and store the sizes."""
    sizes = list(measured())
    headers = ("dataset", "landed", "gzip", "snappy", "zstd", "snappy / landed")
    rows = [
        (item["dataset"], *(f"{item[name]:,}" for name in headers[1:5]), f"{item['snappy'] / item['landed']:.2f}")
        for item in sizes
    ]
    show(table(headers, rows, numbers=headers[1:]))
    print(f"\nStored in {store(machine() | {'rows': ROWS, 'sizes': sizes}, RESULTS)}")
    return 0


def measured() -> Iterator[dict[str, Any]]:
    """`{"dataset", "landed", "gzip", "snappy", "zstd"}`: bytes of one file of each sample."""
    for dataset in SAMPLES:
        with TemporaryDirectory(prefix="headrace-storage-") as folder:
            yield {"dataset": dataset} | _of_file(dataset, Path(folder))


def _of_file(dataset: str, folder: Path) -> dict[str, int]:
    (landed,) = _sample(dataset).write(folder / "landed", files=1, rows=ROWS)
    text = _text(landed)
    parquet = check_file(compile_contract(ROOT / "contracts" / f"{dataset}.odcs.yaml"), landed, folder).parquet
    assert parquet
    rows, sizes = pq.read_table(parquet), {"landed": len(text), "gzip": len(gzip.compress(text, 6))}
    for codec in CODECS:
        again = folder / f"{codec}.parquet"
        pq.write_table(rows, again, compression=codec)
        sizes[codec] = again.stat().st_size
    return sizes | {CODECS[0]: parquet.stat().st_size}


def _text(landed: Path) -> bytes:
    """A file's bytes without the compression that it came in."""
    if landed.suffix == ".gz":
        return gzip.decompress(landed.read_bytes())
    if landed.suffix == ".zip":
        with ZipFile(landed) as archive:
            return archive.read(archive.namelist()[0])
    return landed.read_bytes()


def _sample(dataset: str) -> ModuleType:
    path = ROOT / "contracts" / "samples" / dataset / "sample.py"
    spec = importlib.util.spec_from_file_location(f"sample_{dataset}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
