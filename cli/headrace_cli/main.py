"""The entry point: arguments in, exit code out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from typer.main import get_command

from headrace_cli.app import app
from headrace_cli.output.failures import report

if TYPE_CHECKING:
    from headrace_cli.stack.target import Target


def main() -> int:
    """Run the command line this process was started with."""
    return run(sys.argv[1:] or ["--help"])


def run(arguments: list[str], target: Target | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 misused. `target` replaces the options' one."""
    try:
        code = get_command(app).main(args=arguments, prog_name="headrace", standalone_mode=False, obj=target)
    except Exception as error:
        return report(error, as_json="--json" in arguments)
    return int(code or 0)
