"""The entry point: arguments in, exit code out."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace_cli.stack.target import Target

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


def main() -> int:
    """Run the command line this process was started with.

    Ctrl-C ends the process at once while it imports and while it exits, where an exception could not be caught.
    """
    os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")  # the lines that functions log are not for people
    heeds_interrupt = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeds_interrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    try:
        if heeds_interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = run(sys.argv[1:] or ["--help"])
    except KeyboardInterrupt:
        code = INTERRUPTED
    if heeds_interrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return code


def run(arguments: list[str], target: Target | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 misused. `target` replaces the options' one."""
    from typer.main import get_command

    from headrace_cli.app import app

    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    try:
        code = get_command(app).main(args=arguments, prog_name="headrace", standalone_mode=False, obj=target)
    except Exception as error:
        from headrace_cli.output.failures import report

        return report(error, as_json="--json" in arguments)
    return int(code or 0)
