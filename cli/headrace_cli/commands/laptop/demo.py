"""`headrace demo`: the whole pipeline, from nothing to rows in the warehouse, on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from headrace_cli.commands.files.drop import key_for, prefix_of, upload_all
from headrace_cli.commands.files.wait import wait_until_quiet
from headrace_cli.commands.laptop._demo_report import collect, render
from headrace_cli.laptop import laptop
from headrace_cli.laptop.samples import generators
from headrace_cli.laptop.sink import received
from headrace_cli.output.console import Document, Json, emit
from headrace_cli.output.failures import CommandError, explain
from headrace_cli.output.formatting import count
from headrace_cli.output.progress import Stages
from headrace_cli.stack.target import Target
from headrace_cli.stack.watch import Snapshot, Watch

STAGES = 6
"""Start, build, deploy, write samples, drop, load."""


def demo(
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1. Default: a free one.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to allow for loading.", min=1)] = 300,
    as_json: Json = False,
) -> None:
    """Start a laptop, deploy to it, drop the sample files of every contract, and show what became of them.

    The laptop keeps running, so you can look around. Run the demo again to see that nothing is loaded twice.

    Example: `headrace demo`
    """
    begun = time.monotonic()
    with _naming_the_log():
        document = _run(Stages(STAGES), port, timeout)
    document["seconds"] = round(time.monotonic() - begun, 1)
    emit(document, render, as_json=as_json)
    if not document["agrees"]:
        raise typer.Exit(1)


@contextmanager
def _naming_the_log() -> Iterator[None]:
    """Point an unexpected error to the laptop's log."""
    try:
        yield
    except CommandError:
        raise
    except Exception as error:
        raise CommandError(f"{explain(error)}. The laptop's log is {laptop.log_file()}") from error


def _run(stages: Stages, port: int | None, timeout: float) -> Document:
    target = _deployed(stages, port)
    told_before = len(received(target))
    with TemporaryDirectory(prefix="headrace-samples-") as folder:
        written = _write_samples(stages, target, Path(folder))
        sent = _drop(stages, target, written)
    _load(stages, target, [file["file_id"] for file in sent], timeout)
    return collect(target, sent, told_before)


def _deployed(stages: Stages, port: int | None) -> Target:
    laptop.start(port, stages)
    laptop.deploy(stages)
    return laptop.laptop_target()


def _write_samples(stages: Stages, target: Target, folder: Path) -> dict[str, list[Path]]:
    with stages.stage("Writing sample files"):
        found = generators(target.contracts)
        if not found:
            raise CommandError("no contract has sample files (contracts/samples/<dataset>/sample.py)")
        written = {}
        for dataset, write in found.items():
            written[dataset] = write(folder / dataset)
            total = sum(map(len, written.values()))
            stages.show(f"{count(total, 'file')} of {count(len(written), 'dataset')}")
    return written


def _drop(stages: Stages, target: Target, written: dict[str, list[Path]]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    with stages.stage("Dropping them into the landing bucket"):
        for dataset, paths in written.items():
            prefix = prefix_of(target, dataset)
            keys = {path: key_for(prefix, path, None) for path in paths}
            sent += upload_all(target, dataset, keys, partial(_show_of, stages, dataset))["files"]
        stages.show(count(len(sent), "file"))
    return sent


def _show_of(stages: Stages, dataset: str, text: str) -> None:
    stages.show(f"{dataset}: {text}")


def _load(stages: Stages, target: Target, file_ids: list[str], timeout: float) -> None:
    watch = Watch(target)
    with stages.stage("Loading"):
        snapshot = wait_until_quiet(watch, timeout, _teller(stages, watch, set(file_ids)))
        if not snapshot.quiet:
            raise CommandError(
                f"not all was loaded in {timeout:.0f} s: {snapshot.sentence}. `headrace trace FILE` shows where a file"
                f" stands; the laptop's log is {laptop.log_file()}"
            )


def _teller(stages: Stages, watch: Watch, file_ids: set[str]) -> Callable[[Snapshot], None]:
    def tell(_: Snapshot) -> None:
        done = [file for file in watch.finished if file.file_id in file_ids]
        rows = sum(file.rows.read for file in done)
        stages.show(f"{len(done)} of {count(len(file_ids), 'file')} done, {rows:,} rows read")

    return tell
