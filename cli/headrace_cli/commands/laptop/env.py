"""`headrace env`: environment variables that point other AWS tools to the laptop."""

from __future__ import annotations

import shlex

from rich.text import Text

from headrace_cli.output.console import Document, Json, emit
from headrace_cli.output.failures import CommandError
from headrace_cli.stack.home import laptop


def env(as_json: Json = False) -> None:
    """Print shell commands that point any AWS tool to the laptop. The keys are valid for this laptop only.

    Example: `eval "$(headrace env)"`, then `aws stepfunctions list-state-machines`
    """
    emit(collect(), render, as_json=as_json)


def collect() -> Document:
    """The variables by name. Raises CommandError when no laptop runs here."""
    local = laptop()
    if local is None:
        raise CommandError("no laptop runs here: `headrace up` starts one")
    return {
        "AWS_ENDPOINT_URL": local.endpoint_url,
        "AWS_ACCESS_KEY_ID": local.access_key_id,
        "AWS_SECRET_ACCESS_KEY": local.secret_access_key,
        "AWS_DEFAULT_REGION": local.region,
    }


def render(document: Document) -> Text:
    """A line for each, as a shell reads them; a profile or session token already set would interfere."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in document.items()]
    return Text("\n".join(["unset AWS_PROFILE AWS_SESSION_TOKEN", *lines]), no_wrap=True, overflow="ignore")
