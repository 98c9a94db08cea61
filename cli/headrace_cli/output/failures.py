"""The one place that turns an exception into a sentence and an exit code.

0  done
1  it failed, and the sentence says why
2  the command line was wrong
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING

from typer.exceptions import Abort, TyperException

from headrace.errors import HeadraceError
from headrace_cli.output.console import json_text, messages

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

DEBUG = "HEADRACE_DEBUG"
NO_CREDENTIALS = (
    "no AWS credentials were found, and no laptop runs here: `headrace up` starts a laptop, --profile chooses an"
    " AWS profile"
)
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "UnrecognizedClientException"}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


class CommandError(HeadraceError):
    """What was asked cannot be done; the message says why and what to do instead."""


def report(error: Exception, *, as_json: bool) -> int:
    """Report what went wrong, to a person (stderr) or a program (stdout, `{"error": …}`). Returns the exit code."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    sentence = explain(error)
    if as_json:
        sys.stdout.write(json_text({"error": sentence}) + "\n")
    else:
        messages().print(f"headrace: {sentence}", style="red", markup=False)
    return error.exit_code if isinstance(error, TyperException) else 1


def explain(error: Exception) -> str:
    """The exception as one sentence for the person at the keyboard."""
    if isinstance(error, TyperException):
        return _misuse(error)
    if isinstance(error, HeadraceError):
        return str(error)
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        return _refused(error)
    if isinstance(error, BotoCoreError):
        return _unreachable(error)
    return _unexpected(error)


def _misuse(error: TyperException) -> str:
    command = getattr(getattr(error, "ctx", None), "command_path", "headrace")
    return f"{error.format_message().rstrip('.')} (`{command} --help` explains)"


def _refused(error: ClientError) -> str:
    """AWS's own answer, in the order a person asks: what was not possible, and why."""
    details = error.response.get("Error", {})
    code, message = details.get("Code", "unknown error"), details.get("Message", "").strip()
    if code in EXPIRED:
        return f"AWS does not accept the credentials ({message or code}): sign in again"
    if code in DENIED:
        return f"these credentials may not call {error.operation_name}: {message or code}"
    return f"{error.operation_name} was refused: {message or code} ({code})"


def _unreachable(error: BotoCoreError) -> str:
    from botocore import exceptions as aws

    if isinstance(error, aws.NoCredentialsError | aws.PartialCredentialsError):
        return NO_CREDENTIALS
    if isinstance(error, aws.NoRegionError):
        return "no AWS region is set: give --region, or set one in the profile"
    if isinstance(error, aws.ProfileNotFound):
        return f"{error} (`aws configure list-profiles` lists them)"
    if isinstance(error, aws.ConnectionError | aws.HTTPClientError):
        return f"{error}: is it up? (`headrace up` starts a laptop)"
    return str(error)


def _unexpected(error: Exception) -> str:
    if isinstance(error, Abort):
        return "stopped"
    if isinstance(error, KeyError) and " " in str(error.args[:1]):  # a sentence of the ledger's, not a bare key
        return str(error.args[0])
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    from headrace_cli.output.fault_report import written_report

    return (
        f"this is a fault in Headrace: {type(error).__name__}: {' '.join(str(error).split())}. Please open an issue"
        f" where you got Headrace from, and attach {written_report(error)} after reading it"
    )
