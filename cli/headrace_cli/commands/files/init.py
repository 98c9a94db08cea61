"""`headrace init`: a team's own repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace_cli.output.console import Document, Json, emit, json_text, lines
from headrace_cli.output.failures import CommandError

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

TEMPLATES = Path(__file__).resolve().parents[2] / "new_project"
WRITTEN = {
    "headrace.toml": "headrace.toml",
    "README.md": "README.md",
    "requirements.txt": "requirements.txt",
    ".gitignore": "gitignore",
    ".github/workflows/contracts.yml": "workflow.yml",
    ".vscode/settings.json": "editor.json",
}
SCHEMA = ".vscode/contract.schema.json"
FOLDERS = ("contracts", "contracts/tests", "exports", "wheels")


def init(
    folder: Annotated[Path, typer.Argument(help="The new repository's folder.", metavar="DIR")],
    as_json: Json = False,
) -> None:
    """Make a repository for contracts: settings, contract tests, CI.

    `headrace deploy` there builds and deploys the installed version of Headrace with these contracts. Files that exist
    are never overwritten.

    Example: `headrace init our-data`
    """
    emit(collect(folder), render, as_json=as_json)


def collect(folder: Path) -> Document:
    """`{"folder", "written": […]}`. Raises CommandError when a file of the repository is there already."""
    from importlib.metadata import version

    from headrace_compiler.document.json_schema import contract_schema

    there = [name for name in (*WRITTEN, SCHEMA) if (folder / name).exists()]
    if there:
        raise CommandError(f"{folder / there[0]} exists already: choose a new folder")
    values = {"NAME": folder.resolve().name, "VERSION": version("headrace")}
    for name, template in WRITTEN.items():
        text = (TEMPLATES / template).read_text("utf-8")
        if template in {"README.md", "requirements.txt"}:
            text = _filled(text, values)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    (folder / SCHEMA).write_text(json_text(contract_schema(), indent=2) + "\n", "utf-8")
    for name in FOLDERS:
        (folder / name).mkdir(exist_ok=True)
        (folder / name / ".gitkeep").touch()
    return {"folder": str(folder), "written": [*WRITTEN, SCHEMA, *FOLDERS]}


def _filled(text: str, values: dict[str, str]) -> str:
    return text.replace("# NAME\n", f"# {values['NAME']}\n").replace("==VERSION", f"=={values['VERSION']}")


def render(document: Document) -> ConsoleRenderable:
    """What to do next."""
    return lines(
        f"{document['folder']} has {', '.join(document['written'])}.",
        f"Next: cd {document['folder']}; headrace new NAME SAMPLE-FILE; headrace up",
    )
