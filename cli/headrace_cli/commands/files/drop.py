"""`headrace drop`: upload files to the pipeline."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from headrace_cli.output.console import Document, Json, emit, lines, table, warn
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count, size
from headrace_cli.output.progress import Progress
from headrace_cli.stack.landing import file_id_of, upload
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

    from headrace.domain.contract import Contract

PARALLEL_UPLOADS = 8
MOST_FILES = 10_000
STDIN = Path("-")


def drop(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help="A deployed dataset; `headrace contracts` lists them.")],
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Local files; folders, whose files keep their paths in the key; `-` for standard input, with --key.",
            metavar="FILE…",
        ),
    ],
    key: Annotated[
        str | None, typer.Option(help="Key, with or without the dataset's prefix; for a single file.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Upload even if no such dataset is deployed.")] = False,
    as_json: Json = False,
) -> None:
    """Upload files to the landing bucket, under the dataset's prefix. Loading starts automatically.

    Examples: `headrace drop readings today.jsonl`, `headrace drop readings fixed.jsonl --key 2026/today.jsonl`,
    `headrace drop readings 2026/`, `zcat a.gz | headrace drop readings - --key a.jsonl`
    """
    if missing := [str(path) for path in files if path != STDIN and not path.exists()]:
        raise typer.BadParameter(f"{', '.join(missing)} does not exist", param_hint="FILE…")
    if STDIN in files and not key:
        raise typer.BadParameter("standard input has no name: give --key", param_hint="--key")
    if key and (len(files) > 1 or files[0].is_dir()):
        raise typer.BadParameter("--key names one object: give exactly one file", param_hint="--key")
    if key == "":
        raise typer.BadParameter("the key is empty: name the object, or omit the option", param_hint="--key")
    target = target_of(context)
    prefix = prefix_of(target, dataset, force=force)
    contract = target.contracts.get(dataset)
    layered = bool(contract and contract.folder_templates)
    with Progress() as progress, TemporaryDirectory(prefix="headrace-drop-") as folder:
        local = [_from_stdin(Path(folder)) if path == STDIN else path for path in files]
        keys = {
            found: key_for(prefix, found, key, contract) if layered or found == path else _key_in(prefix, path, found)
            for path in local
            for found in files_of(path)
        }
        refuse_twins(keys)
        document = upload_all(target, dataset, keys, progress.show)
    emit(document, render, as_json=as_json)


def _key_in(prefix: str, folder: Path, file: Path) -> str:
    """The key of a folder's file: its path in it, below the prefix."""
    return prefix + file.relative_to(folder).as_posix()


def files_of(path: Path) -> list[Path]:
    """A file, or those of a folder and the folders in it; hidden ones are left out. Raises CommandError."""
    if not path.is_dir():
        return [path]
    every = (found for found in path.rglob("*") if found.is_file())
    found = [file for file in every if not any(part.startswith(".") for part in file.relative_to(path).parts)]
    if not found:
        raise CommandError(f"there is no file in {path}")
    if len(found) > MOST_FILES:
        raise CommandError(f"{path} has {len(found):,} files: drop folders with at most {MOST_FILES:,} each")
    return sorted(found)


def _from_stdin(folder: Path) -> Path:
    """What comes on standard input, as a file: S3 wants its length first."""
    path = folder / "stdin"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path


def prefix_of(target: Target, dataset: str, *, force: bool = False) -> str:
    """Where the dataset's files go. With `force` an unknown dataset has the prefix of its name."""
    if force and dataset not in target.contracts:
        warn(f"{dataset} is not deployed: its files will be recorded as unroutable")
        return f"{dataset}/"
    return target.contract(dataset).prefix


def refuse_twins(keys: dict[Path, str]) -> None:
    """Two files under one key would be two versions of it, the second in the first one's place."""
    twice = [key for key, times in Counter(keys.values()).items() if times > 1]
    if twice:
        raise CommandError(
            f"{count(len(keys), 'file')} would share the key {twice[0]}: drop them one at a time, with --key"
        )


def key_for(prefix: str, path: Path, key: str | None, contract: Contract | None = None) -> str:
    """The object key: the given one, below the prefix unless it has it already; else the file's name.

    A file whose columns come from its folders keeps those. Raises CommandError where it is not in such folders.
    """
    if key is None and contract and contract.folder_templates:
        return _with_folders(path, contract)
    if key is None:
        return prefix + path.name
    return key if key.startswith(prefix) else prefix + key


def _with_folders(path: Path, contract: Contract) -> str:
    from headrace.usecases.check import local_key

    key = local_key(contract, path)
    if key == contract.prefix + path.name:
        wanted = "/".join(contract.folder_templates)
        raise CommandError(
            f"{path} is not in a folder {wanted}/, which {contract.dataset} has columns from: give --key"
        )
    return key


def upload_all(target: Target, dataset: str, keys: dict[Path, str], tell: Callable[[str], None]) -> Document:
    """Upload the files, several at a time, and report progress.

    Returns `{"dataset", "bucket", "files": [{"file", "key", "version", "size", "file_id"}]}`.
    """
    bucket = target.output("LandingBucket")
    target.client("s3")
    with ThreadPoolExecutor(PARALLEL_UPLOADS) as pool:
        sent = []
        for item in pool.map(lambda pair: _sent(target, bucket, *pair), keys.items()):
            sent.append(item)
            tell(f"{len(sent)} of {count(len(keys), 'file')} uploaded")
    return {"dataset": dataset, "bucket": bucket, "files": sent}


def _sent(target: Target, bucket: str, path: Path, key: str) -> Document:
    version = upload(target, path, key)
    return {
        "file": str(path),
        "key": key,
        "version": version,
        "size": path.stat().st_size,
        "file_id": file_id_of(bucket, key, version),
    }


def render(document: Document) -> ConsoleRenderable:
    """What went where."""
    files = document["files"]
    rows = [(item["key"], item["version"], size(item["size"])) for item in files]
    closing = f"\n{count(len(files), 'file')} in {document['bucket']}. `headrace wait` waits until all is loaded."
    return lines(table(("key", "version", "size"), rows, numbers=("size",)), closing)
