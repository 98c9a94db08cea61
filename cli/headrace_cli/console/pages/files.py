"""The files: a list to search, and the page of one with its whole story."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.usecases import lake_paths
from headrace_cli.commands.look import files as listing
from headrace_cli.commands.look.trace import detail_text
from headrace_cli.output import times
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import moment
from headrace_cli.stack.bad_rows import bad_rows
from headrace_cli.stories.file import story_of

if TYPE_CHECKING:
    from headrace_cli.stack.target import Target

ON_A_PAGE = 50
MOST_PAGES = listing.MOST_LISTED // ON_A_PAGE
BAD_ROWS = 20
MOST_PARTS = 200
SHOWN: dict[str, frozenset[FileStatus]] = {
    "all": frozenset(),
    "failed": frozenset({FileStatus.FAILED, FileStatus.UNROUTABLE}),
    "held": frozenset({FileStatus.HELD}),
    "late": frozenset(),
    "waiting": frozenset({FileStatus.WAITING}),
    "under way": frozenset({FileStatus.PENDING, FileStatus.RUNNING, FileStatus.STAGED, FileStatus.MERGING}),
    "loaded": frozenset({FileStatus.LOADED, FileStatus.GROUPED}),
    "duplicate": frozenset({FileStatus.DUPLICATE}),
    "unroutable": frozenset({FileStatus.UNROUTABLE}),
}
"""What can be chosen, and the statuses that it means; `late` is a matter of time."""
ROW_KINDS = ("loaded", "superseded", "staged", "quarantined", "duplicate", "withheld", "discarded")


def collect(target: Target, query: dict[str, str]) -> dict[str, Any]:
    """`{"files", "more", "page", "pages", …}`: one page of what `headrace files` lists. Raises CommandError."""
    show = query.get("show", "all")
    if show not in SHOWN:
        raise CommandError(f"there is no list of {show} files: {', '.join(SHOWN)}")
    page = min(max(int(query["page"]), 1), MOST_PAGES) if query.get("page", "").isdecimal() else 1
    wanted = listing.Wanted(SHOWN[show], show == "late", query.get("match", ""))
    dataset = query.get("dataset") or None
    found = listing.collect(target, dataset, since_of(query), wanted, page * ON_A_PAGE)
    files = found["files"][(page - 1) * ON_A_PAGE :]
    total = len(found["files"]) + found["more"]
    return {
        "files": files,
        "total": total,
        "page": page,
        "pages": min(-(-total // ON_A_PAGE), MOST_PAGES),
        "query": {"dataset": dataset or "", "show": show, "match": wanted.match, "since": query.get("since", "")},
        "shown": tuple(SHOWN),
        "datasets": list(target.contracts),
    }


def since_of(query: dict[str, str]) -> str:
    """The time in a query as the ledger writes it, empty without one. Raises CommandError."""
    try:
        return times.since(query["since"]) if query.get("since", "").strip() else ""
    except ValueError as error:
        raise CommandError(str(error)) from error


def story(target: Target, file_id: str) -> dict[str, Any]:
    """The document of `headrace trace`, with the file's bad rows and what can be downloaded. Raises CommandError."""
    try:
        found = story_of(target, file_id)
    except KeyError as error:
        raise CommandError(f"the ledger knows no file {file_id}") from error
    start = moment(found["steps"][0]["at"]) if found["steps"] else None
    for step in found["steps"]:
        step["after"] = (moment(step["at"]) - start).total_seconds() if start else 0.0
        step["text"] = detail_text(step["detail"])
    rows = found["rows"]
    found["balance"] = [(kind, rows[kind]) for kind in ROW_KINDS if rows.get(kind)]
    found["bad"] = bad_rows_of(target, found)
    found["parts"] = parts_of(target, found)
    found["may"] = actions_on(found)
    return found


def bad_rows_of(target: Target, found: dict[str, Any]) -> list[dict[str, Any]]:
    """The first bad rows of a file."""
    dataset = found["dataset"]
    if dataset not in target.contracts or not found["rows"]["quarantined"] or not found["batch"]:
        return []
    rows = bad_rows(target, dataset, batch=found["batch"], file=found["key"])
    return list(islice((row for row in rows if row["file_id"] == found["file_id"]), BAD_ROWS))


def parts_of(target: Target, found: dict[str, Any]) -> list[dict[str, Any]]:
    """`{"key", "size"}` of the Parquet that the file's batch wrote."""
    if not found["batch"] or not found["dataset"]:
        return []
    pages = target.client("s3").get_paginator("list_objects_v2")
    folder = lake_paths.batch_folder(found["dataset"], found["batch"])
    listed = (item for page in pages.paginate(Bucket=target.output("LakeBucket"), Prefix=folder)
              for item in page.get("Contents", []))  # fmt: skip
    return [{"key": item["Key"], "size": item["Size"]} for item in islice(listed, MOST_PARTS)]


def actions_on(found: dict[str, Any]) -> list[str]:
    """What a person may do about the file as it is; the dry run says whether it is possible."""
    return {
        str(FileStatus.FAILED): ["retry"],
        str(FileStatus.UNROUTABLE): ["retry"],
        str(FileStatus.LOADED): ["reload"],
        str(FileStatus.DUPLICATE): ["reload"],
        str(FileStatus.HELD): ["release", "reject"],
    }.get(found["status"], [])


def raw(target: Target, file_id: str) -> tuple[str, Any]:
    """A landed object as it came: its name and a body to read. Raises CommandError."""
    try:
        file: FileRecord = target.ledger.files.get(file_id)
    except KeyError as error:
        raise CommandError(f"the ledger knows no file {file_id}") from error
    if file.is_deletion:
        raise CommandError("this version is a deletion: there is no object")
    version = {"VersionId": file.version} if file.version and file.version != "null" else {}
    answer = target.client("s3").get_object(Bucket=file.bucket, Key=file.key, **version)
    return file.key.rsplit("/", 1)[-1], answer["Body"]


def part(target: Target, key: str) -> tuple[str, Any]:
    """A Parquet part of a deployed dataset: its name and a body to read. Raises CommandError."""
    dataset, _, rest = key.partition("/")
    if dataset not in target.contracts or not rest.startswith("batch=") or not rest.endswith(lake_paths.PARQUET):
        raise CommandError("only the Parquet of a deployed dataset can be downloaded here")
    answer = target.client("s3").get_object(Bucket=target.output("LakeBucket"), Key=key)
    return key.replace("/", "-"), answer["Body"]
