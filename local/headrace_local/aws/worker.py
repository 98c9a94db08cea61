"""What runs a Python function on the laptop: the emulator starts this file in a bare interpreter.

It stands in for AWS's Python runtime and takes from it what a function can notice: the import order (function before
layers), the environment, the error document (`errorType` is the name of the exception's class), the rule that an
exception leaves the process warm, that a process that ends takes its invocation with it, and that one that
takes more memory than its function has is killed.

Protocol, one JSON document a line: the first on stdin describes the function and is answered with `ready`; each later
one is an invocation `{"event", "ctx"}` and is answered with its result. stdout is the protocol's alone; whatever the
function prints goes to stderr, which is its log. Standard library only: nothing else can be imported here.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import signal
import site
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[Any, "Context"], Any]

FAILURE = "__function_failed__"
OUT_OF_MEMORY = "Runtime exited with error: signal: killed"
LAYER_POINTER = "unpacked-at"
INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "LAMBDA_TASK_ROOT")
INHERITED_PREFIXES = ("AWS_", "_LAMBDA_")
RESIDENT = Path("/proc/self/statm")
MEMORY_SECONDS = 0.02


class HandlerError(Exception):
    """The handler cannot be loaded. `kind` is the error type AWS reports for it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Context:
    """The context object of one invocation, with the attributes of AWS's."""

    identity = None
    client_context = None
    tenant_id = None

    def __init__(self, init: dict[str, Any], call: dict[str, Any]) -> None:
        environment = os.environ
        self.function_name = init["function_name"]
        self.function_version = environment.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        self.memory_limit_in_mb = str(init["memory"])
        self.invoked_function_arn = call.get("invoked_function_arn") or init["arn"]
        self.aws_request_id = call.get("request_id", "")
        self.log_group_name = environment["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environment.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self._deadline = time.monotonic() + float(environment.get("_LAMBDA_TIMEOUT", "3"))

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is stopped."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class MemoryGuard:
    """Kills the process when an invocation takes more memory than the function has, as Lambda does.

    Where there is no /proc, as on a Mac, it does nothing.
    """

    def __init__(self, megabytes: int, answers: TextIO) -> None:
        self._answers = answers
        self._limit = megabytes * 1024 * 1024
        self._busy = threading.Event()
        if RESIDENT.exists():
            threading.Thread(target=self._watch, daemon=True).start()

    def __enter__(self) -> None:
        self._busy.set()

    def __exit__(self, *_: object) -> None:
        self._busy.clear()

    def _watch(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while self._busy.wait():
            if int(RESIDENT.read_text("ascii").split()[1]) * page > self._limit:
                print(f"[ERROR] {OUT_OF_MEMORY} (out of memory)", file=sys.stderr, flush=True)
                answer(self._answers, {"status": "error", "error": OUT_OF_MEMORY})
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(MEMORY_SECONDS)


def main() -> None:
    """Serve invocations until the emulator closes stdin."""
    answers = take_over_stdout()
    init = json.loads(sys.stdin.readline())
    scrub_environment(init)
    extend_import_path(init["code_dir"])
    # A function that cannot be loaded now is tried again by its first invocation, which gets the error.
    handler, _ = loaded(init)
    answer(answers, {"status": "ready", "cold": True})
    memory = MemoryGuard(int(init["memory"]), answers)
    for line in sys.stdin:
        message = json.loads(line)
        handler, failure = (handler, None) if handler else loaded(init)
        with memory:
            result = failure if handler is None else invoked(handler, message["event"], init, message.get("ctx") or {})
        # The emulator waits 50 ms for a first line of log before it passes the answer on: here it is.
        print(file=sys.stderr)
        answer(answers, {"status": "ok", "result": result})


def take_over_stdout() -> TextIO:
    """The real stdout; from here on everything printed, also by C code, goes to stderr.

    Line by line, as Lambda's own runtime does it: a printed metric must not stay in a buffer.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    return answers


def answer(answers: TextIO, document: dict[str, Any]) -> None:
    """Write one line of the protocol."""
    sys.stderr.flush()
    answers.write(json.dumps(document) + "\n")
    answers.flush()


def scrub_environment(init: dict[str, Any]) -> None:
    """Leave the function only what AWS would give it; the emulator's own settings are not its business."""
    function_environment: dict[str, str] = init.get("env") or {}
    for name in list(os.environ):
        if name not in INHERITED and not name.startswith(INHERITED_PREFIXES):
            del os.environ[name]
    scratch = Path(init["code_dir"]).parent / "tmp"
    scratch.mkdir(exist_ok=True)
    os.environ.update(
        {
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{init['function_name']}",
            "TMPDIR": str(scratch),
            "TZ": ":UTC",
            "_HANDLER": f"{init['module']}.{init['handler']}",
            **function_environment,
        }
    )
    time.tzset()


def extend_import_path(code_dir: str) -> None:
    """Put the function first and its layers after it, in the template's order, as AWS does."""
    sys.path[0] = code_dir
    folders = []
    for layer in filter(None, os.environ.pop("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep)):
        python = unpacked(Path(layer)) / "python"
        folders.append(str(python))
        for packages in python.glob(f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"):
            site.addsitedir(str(packages))
    sys.path[1:1] = folders


def unpacked(layer: Path) -> Path:
    """Where a layer's files are: in its own folder, or where the pointer in it says."""
    pointer = layer / LAYER_POINTER
    return Path(pointer.read_text("utf-8")) if pointer.exists() else layer


def loaded(init: dict[str, Any]) -> tuple[Handler | None, dict[str, Any] | None]:
    """The handler, or the failure document that says why there is none."""
    try:
        return load(init["module"], init["handler"]), None
    except Exception as error:
        return None, failed(error, "")


def load(module: str, handler: str) -> Handler:
    """Import the handler. Raises HandlerError, or what the module itself raises."""
    try:
        found: Handler = getattr(importlib.import_module(module), handler)
    except ImportError as error:
        message = f"Unable to import module '{module}': {error}"
        raise HandlerError("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        message = f"Syntax error in module '{module}': {error}"
        raise HandlerError("Runtime.UserCodeSyntaxError", message) from error
    except AttributeError as error:
        if module in sys.modules and not hasattr(sys.modules[module], handler):
            message = f"Handler '{handler}' missing on module '{module}'"
            raise HandlerError("Runtime.HandlerNotFound", message) from error
        raise
    return found


def invoked(handler: Handler, event: Any, init: dict[str, Any], call: dict[str, Any]) -> Any:
    """The function's result, or its failure document."""
    set_or_clear("_X_AMZN_TRACE_ID", call.get("trace_id"))
    try:
        result = handler(event, Context(init, call))
        return json.loads(marshalled(result))
    except Exception as error:
        return failed(error, call.get("request_id", ""))


def set_or_clear(name: str, value: str | None) -> None:
    if value:
        os.environ[name] = value
    else:
        os.environ.pop(name, None)


def marshalled(result: Any) -> str:
    """The result as JSON. Raises HandlerError when it has none."""
    try:
        return json.dumps(result)
    except (TypeError, ValueError) as error:
        raise HandlerError("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def failed(error: Exception, request_id: str) -> dict[str, Any]:
    """The error document AWS's runtime makes, written to the log as well, under the key that marks a failure."""
    kind = error.kind if isinstance(error, HandlerError) else type(error).__name__
    print(f"[ERROR] {kind}: {error}\n{''.join(traceback.format_exception(error))}", file=sys.stderr)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    return {
        FAILURE: {
            "errorMessage": str(error),
            "errorType": kind,
            "requestId": request_id,
            "stackTrace": traceback.format_list(frames),
        }
    }


if __name__ == "__main__":
    main()
