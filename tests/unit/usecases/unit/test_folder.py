"""Room on the disk: what the killed left is freed, nobody's folder is taken, a full disk is no file's fault."""

from __future__ import annotations

import errno
import io
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import LIVE, FileStatus
from headrace.errors import TransientError
from headrace.transform import FileTransform, PartWriter
from headrace.transform.output import parts
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.unit import parts as unit_parts
from headrace.usecases.unit.folder import PREFIX, unit_folder
from headrace.usecases.unit.transform import transform_unit
from tests.support.fakes import MemoryServices, contract, file
from tests.unit.transform.kit import zipped

HEADER = "meter,read_at,value\n"
GOOD = HEADER + "m1,2026-01-01T00:00:00Z,1\n"
HOLDS_A_FOLDER = """
import sys
from headrace.usecases.unit.folder import unit_folder
with unit_folder() as folder:
    (folder / "0001.good").write_bytes(b"rows")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disk of the test's own, for this process and those that it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_lasts_as_long_as_its_unit(disk: Path) -> None:
    with unit_folder() as folder:
        assert folder.parent == disk
        (folder / "0001.good").write_bytes(b"rows")
    assert list(disk.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(disk: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_A_FOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as neighbour:
        assert neighbour.stdout is not None
        theirs = Path(neighbour.stdout.readline().strip())
        with unit_folder() as ours, unit_folder() as another:
            assert sorted(disk.iterdir()) == sorted([theirs, ours, another])
        neighbour.kill()
        neighbour.wait()
    assert (theirs / "0001.good").exists()
    with unit_folder() as ours:
        assert list(disk.iterdir()) == [ours]


def test_only_folders_of_units_are_removed(disk: Path) -> None:
    for name in ("headrace-home", "headrace-samples-x", "other"):
        (disk / name).mkdir()
    (disk / f"{PREFIX}1").mkdir()
    with unit_folder():
        pass
    assert sorted(path.name for path in disk.iterdir()) == ["headrace-home", "headrace-samples-x", "other"]


def test_a_full_disk_is_a_trouble_that_may_pass_and_other_errors_stay_what_they_are(disk: Path) -> None:
    with pytest.raises(TransientError, match="the disk of the function is full"), unit_folder():
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(PermissionError), unit_folder():
        raise PermissionError(errno.EACCES, "no")
    assert list(disk.iterdir()) == []


def unit_of(data: bytes) -> tuple[MemoryServices, Any]:
    services = MemoryServices()
    landed = file("a.csv", size=len(data))
    services.ledger.files.record_arrival(landed)
    services.lake.land(landed, data)
    recorded = record_batch("readings", LIVE, 1, "readings-1", services)
    return services, services.ledger.batches.get(recorded["batch"])


full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")


@full
@pytest.mark.parametrize("while_it_streams", [True, False])
def test_a_disk_that_is_full_of_rows_fails_the_unit_and_no_file(
    while_it_streams: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_a_full_disk(_: Path, spec: Contract) -> PartWriter:
        return PartWriter(Path("/dev/full"), spec)

    monkeypatch.setattr(unit_parts, "PartWriter", on_a_full_disk)
    monkeypatch.setattr(unit_parts, "HOLD_BYTES", 0)
    monkeypatch.setattr(parts, "ROW_GROUP", 1 if while_it_streams else parts.ROW_GROUP)
    services, batch = unit_of(GOOD.encode())
    with pytest.raises(TransientError, match="disk"):
        transform_unit(batch, 1, services)
    assert services.ledger.files.get(file("a.csv").file_id).status is FileStatus.RUNNING


@full
def test_a_disk_that_is_full_of_a_zip_fails_the_unit_and_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", partial(open, "/dev/full", "r+b", buffering=0))
    services, batch = unit_of(zipped({"a.csv": GOOD.encode()}))
    with pytest.raises(TransientError, match="disk"):
        transform_unit(batch, 1, services)


def test_a_large_file_that_does_not_count_frees_its_room_at_once(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_parts, "HOLD_BYTES", 0)
    unit = unit_parts.UnitParts(disk, contract(), "readings-1", 1)

    def streamed(name: str) -> unit_parts.FileRows:
        rows = unit.begin(file(name))
        data = io.BytesIO((GOOD + "m2,never,-1\n").encode())
        for block in FileTransform(contract(), data, name=name, file_id=file(name).file_id, batch_id="readings-1"):
            rows.add(block)
        assert list(disk.glob(f"*{file(name).file_id}*"))
        return rows

    streamed("dropped.csv").drop()
    assert list(disk.iterdir()) == []
    streamed("held.csv").keep_bad()
    assert [path.suffix for path in disk.iterdir()] == [".bad"]
    lake = MemoryServices().lake
    assert unit.upload(lake) == []
    assert len(lake.objects) == 1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Linux lists the files that are open")
def test_a_folder_leaves_no_file_open(disk: Path) -> None:
    """A warm function runs thousands of units: one handle of each would be too many."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        (disk / f"{PREFIX}left").mkdir()
        with unit_folder():
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
