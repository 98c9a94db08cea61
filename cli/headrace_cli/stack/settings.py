"""`headrace.toml` of a project: which stacks it has, and their parameters."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from headrace_cli.output.failures import CommandError
from headrace_cli.stack.choice import STACK
from headrace_cli.stack.home import SETTINGS


@dataclass(frozen=True, slots=True)
class Environment:
    """One stack of the project on AWS. `parameters` are the template's, by name; what is None comes from the shell."""

    name: str = ""
    stack: str = STACK
    profile: str | None = None
    region: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """All of `headrace.toml`; a checkout has none, and so do defaults."""

    laptop: dict[str, str] = field(default_factory=dict)
    environments: dict[str, Environment] = field(default_factory=dict)

    def environment(self, name: str) -> Environment:
        """One environment. Raises CommandError, naming the known ones."""
        if name not in self.environments:
            known = ", ".join(self.environments) or f"none: add [environments.{name}] to {SETTINGS}"
            raise CommandError(f"no environment is called {name}; there are: {known}")
        return self.environments[name]


def read_settings(project: Path) -> Settings:
    """The project's settings. Raises CommandError for what cannot be read or is not known."""
    file = project / SETTINGS
    if not file.is_file():
        return Settings()
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CommandError(f"{file}: {error}") from error
    refuse_unknown(file, "the file", found, {"laptop", "environments"})
    laptop = table(file, "laptop", found.get("laptop", {}))
    refuse_unknown(file, "[laptop]", laptop, {"parameters"})
    environments = table(file, "environments", found.get("environments", {}))
    return Settings(
        laptop=texts(file, "[laptop.parameters]", laptop.get("parameters", {})),
        environments={name: environment(file, name, given) for name, given in environments.items()},
    )


def environment(file: Path, name: str, given: Any) -> Environment:
    """One `[environments.NAME]`. Raises CommandError."""
    where = f"[environments.{name}]"
    given = table(file, where, given)
    refuse_unknown(file, where, given, {known.name for known in fields(Environment)} - {"name"})
    plain = {key: text(file, f"{key} in {where}", given[key]) for key in ("stack", "profile", "region") if key in given}
    return Environment(
        name=name,
        parameters=texts(file, f"{where} parameters", given.get("parameters", {})),
        tags=texts(file, f"{where} tags", given.get("tags", {})),
        **plain,
    )


def refuse_unknown(file: Path, where: str, given: dict[str, Any], known: set[str]) -> None:
    """A key that nothing reads is a mistake. Raises CommandError."""
    for key in given.keys() - known:
        raise CommandError(f"{file}: {where} has no key {key!r}; known: {', '.join(sorted(known))}")


def table(file: Path, where: str, given: Any) -> dict[str, Any]:
    """A TOML table. Raises CommandError for anything else."""
    if not isinstance(given, dict):
        raise CommandError(f"{file}: {where} must be a table")
    return given


def texts(file: Path, where: str, given: Any) -> dict[str, str]:
    """A table of texts and numbers, as texts. Raises CommandError for anything else."""
    return {key: text(file, f"{key} in {where}", value) for key, value in table(file, where, given).items()}


def text(file: Path, where: str, value: Any) -> str:
    """A text or a number, as a text. Raises CommandError for anything else."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise CommandError(f"{file}: {where} must be a text or a number")
