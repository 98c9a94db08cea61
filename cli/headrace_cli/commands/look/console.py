"""`headrace console`: the stack in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace_cli.output.console import messages
from headrace_cli.output.failures import CommandError
from headrace_cli.stack.target import target_of

PORT = 8790


def console(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = PORT,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
    read_only: Annotated[bool, typer.Option("--read-only", help="Show everything, change nothing.")] = False,
) -> None:
    """Show files, rows, executions and reasons in the browser, and repair from there, until Ctrl-C.

    It is served on 127.0.0.1 with your own rights, to the browser that opens its address, which is good once. Needs
    `pip install 'headrace[console]'`.

    Examples: `headrace console`, `headrace --profile prod console --read-only`
    """
    try:
        from headrace_cli.console.server import serve
    except ModuleNotFoundError as error:
        raise CommandError(f"{error.name} is not installed: `pip install 'headrace[console]'` installs it") from error
    target = target_of(context)
    target.output("LedgerTable")  # a stack that is not there is reported here, not on a page
    told: list[str] = []

    def tell(address: str) -> None:
        messages().print(f"{'The next address' if told else 'The console'}: {address}", markup=False, soft_wrap=True)
        if browser and not told:
            import webbrowser

            webbrowser.open(address)
        told.append(address)

    serve(target, port, tell, read_only=read_only)
