"""The deployment's custom resources against a server that plays CloudFormation's side."""

from __future__ import annotations

import json
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.deployment import app
from headrace.adapters import patience
from headrace.errors import TransientError
from headrace.usecases.publish_job import Published

FUNCTION = Path(__file__).parents[3] / "functions" / "deployment"


class CloudFormation:
    """Takes answers; the first `refusing` of them it refuses."""

    def __init__(self) -> None:
        self.refusing = 0
        self.bodies: list[bytes] = []
        cloudformation = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                assert self.headers["Content-Type"] == ""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                refused = cloudformation.refusing > 0
                cloudformation.refusing -= refused
                if not refused:
                    cloudformation.bodies.append(body)
                self.send_response(503 if refused else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def answer(self) -> dict[str, Any]:
        (body,) = self.bodies
        assert len(body) <= 4096
        given: dict[str, Any] = json.loads(body)
        return given

    def event(self, kind: str) -> dict[str, str]:
        return {
            "RequestType": kind, "ResourceType": "Custom::WarehouseTables",
            "StackId": "stack", "RequestId": "request", "LogicalResourceId": "WarehouseTables",
            "ResponseURL": f"http://127.0.0.1:{self.server.server_port}/answer",
        }  # fmt: skip


class Context:
    """Lambda's, with so many seconds left."""

    def __init__(self, seconds: float = 900) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudFormation]:
    monkeypatch.setattr(app, "ANSWER_WAITS", (0.01,) * 5)
    made = CloudFormation()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[dict[str, Any]], Any]], None]:
    """Puts a function in the place of `migration.run`."""

    def put(run: Callable[[dict[str, Any]], Any]) -> None:
        module = types.ModuleType("migration")
        module.run = run  # type: ignore[attr-defined]  # a module made here
        monkeypatch.setitem(sys.modules, "migration", module)

    return put


def test_success_is_answered(cloudformation: CloudFormation, work: Any) -> None:
    seen: list[str] = []
    work(lambda event: seen.append(event["RequestType"]))
    app.lambda_handler(cloudformation.event("Update"), Context())
    assert (seen, cloudformation.answer["Status"]) == (["Update"], "SUCCESS")
    assert cloudformation.answer["PhysicalResourceId"] == "WarehouseTables"


def test_what_the_work_gives_is_in_the_answer(cloudformation: CloudFormation, work: Any) -> None:
    work(lambda event: {"PhysicalResourceId": "glue/abc", "Data": {"Script": "s3://lake/glue/abc/script.py"}})
    app.lambda_handler(cloudformation.event("Create"), Context())
    assert cloudformation.answer["PhysicalResourceId"] == "glue/abc"
    assert cloudformation.answer["Data"] == {"Script": "s3://lake/glue/abc/script.py"}


def test_a_stack_ends_whatever_fails(cloudformation: CloudFormation, work: Any) -> None:
    def fail(event: dict[str, Any]) -> None:
        raise RuntimeError("denied")

    work(fail)
    app.lambda_handler(cloudformation.event("Delete"), Context())
    assert cloudformation.answer["Status"] == "SUCCESS"


def test_a_deletion_migrates_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.deployment import migration

    monkeypatch.setattr(migration, "migrate", lambda *_: pytest.fail("the tables hold data"))
    migration.run({"RequestType": "Delete"})


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("raise ImportError('invalid ELF header')", "ImportError: invalid ELF header"),
        ("def run(", "SyntaxError"),
    ],
)
def test_what_cannot_be_imported_is_answered(
    cloudformation: CloudFormation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, says: str
) -> None:
    (tmp_path / "migration.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "migration", raising=False)
    app.lambda_handler(cloudformation.event("Create"), Context())
    assert cloudformation.answer["Status"] == "FAILED"
    assert cloudformation.answer["Reason"].startswith(says)


@pytest.mark.parametrize("failure", ["ä" * 5000, "\N{FACE WITH TEARS OF JOY}" * 5000, "x" * 50_000])
def test_a_long_reason_is_cut_to_what_cloudformation_takes(
    cloudformation: CloudFormation, work: Any, failure: str
) -> None:
    def fail(event: dict[str, Any]) -> None:
        raise RuntimeError(failure)

    work(fail)
    app.lambda_handler(cloudformation.event("Create"), Context())
    assert cloudformation.answer["Reason"].startswith(f"RuntimeError: {failure[:100]}")


def test_time_that_is_used_up_is_answered_before_the_function_ends(cloudformation: CloudFormation, work: Any) -> None:
    def wait(event: dict[str, Any]) -> None:
        try:
            time.sleep(30)
        except Exception:
            pytest.fail("no handler of errors may keep it")

    work(wait)
    began = time.monotonic()
    app.lambda_handler(cloudformation.event("Update"), Context(app.RESERVE_SECONDS + 0.2))
    assert time.monotonic() - began < 10
    assert "deploy again" in cloudformation.answer["Reason"]


def test_files_that_were_not_put_in_time_send_nobody_to_the_warehouse(monkeypatch: pytest.MonkeyPatch) -> None:
    files = types.ModuleType("glue_files")
    files.run = lambda event: time.sleep(30)  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, "glue_files", files)
    event = {"RequestType": "Create", "ResourceType": "Custom::GlueFiles", "LogicalResourceId": "GlueFiles"}
    assert app.attempt(event, 0.05)[0] == "TimeIsUp: GlueFiles was not ready after 0 seconds: deploy again"


def test_an_answer_that_is_refused_is_given_again(cloudformation: CloudFormation, work: Any) -> None:
    work(lambda event: None)
    cloudformation.refusing = 4
    app.lambda_handler(cloudformation.event("Update"), Context())
    assert cloudformation.answer["Status"] == "SUCCESS"


def test_an_answer_that_cannot_be_given_is_an_error_so_that_lambda_tries_again(
    cloudformation: CloudFormation, work: Any
) -> None:
    work(lambda event: None)
    cloudformation.refusing = 99
    with pytest.raises(OSError, match="503"):
        app.lambda_handler(cloudformation.event("Update"), Context())
    assert cloudformation.refusing == 99 - len(app.ANSWER_WAITS)


def test_all_tries_of_the_answer_fit_into_the_time_kept_for_them() -> None:
    assert sum(app.ANSWER_WAITS) + app.ANSWER_TIMEOUT * len(app.ANSWER_WAITS) < app.RESERVE_SECONDS


def denied(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "not authorized to perform"}}, "ExecuteStatement")


@pytest.mark.parametrize(
    ("request_type", "code", "tries"),
    [
        ("Create", "AccessDeniedException", 3),
        ("Update", "AccessDeniedException", 3),
        ("Create", "ValidationException", 1),
    ],
)
def test_rights_that_are_not_there_yet_are_waited_for(
    monkeypatch: pytest.MonkeyPatch, request_type: str, code: str, tries: int
) -> None:
    from functions.deployment import migration

    asked: list[str] = []

    def migrate(services: Any, database: str) -> list[str]:
        asked.append(database)
        if len(asked) < 3:
            raise denied(code)
        return []

    monkeypatch.setenv("DATABASE", "headrace")
    monkeypatch.setenv("ADMIN_SECRET", "")
    monkeypatch.setenv("READER_SECRET", "")
    monkeypatch.setattr(migration, "migrate", migrate)
    monkeypatch.setattr(patience, "WAIT_SECONDS", 0)
    if tries < 3:
        with pytest.raises(ClientError):
            migration.run({"RequestType": request_type})
    else:
        migration.run({"RequestType": request_type})
    assert len(asked) == tries


def test_rights_that_never_come_are_waited_for_no_longer_than_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.deployment import migration

    monkeypatch.setenv("DATABASE", "headrace")
    monkeypatch.setenv("ADMIN_SECRET", "")
    monkeypatch.setenv("READER_SECRET", "")
    monkeypatch.setattr(patience, "NEW_RIGHTS_SECONDS", 0.05)
    monkeypatch.setattr(patience, "WAIT_SECONDS", 0.02)

    def migrate(services: Any, database: str) -> list[str]:
        raise denied("AccessDeniedException")

    monkeypatch.setattr(migration, "migrate", migrate)
    with pytest.raises(ClientError):
        migration.run({"RequestType": "Create"})


def test_a_deletion_takes_no_file_from_the_runs_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.deployment import glue_files

    monkeypatch.setattr(glue_files, "services", None)
    assert glue_files.run({"RequestType": "Delete", "PhysicalResourceId": "glue/abc"}) == {}


@pytest.mark.parametrize("request_type", ["Create", "Update"])
@pytest.mark.parametrize("error", [denied("AccessDenied"), TransientError("slow down")])
def test_the_jobs_files_wait_for_a_new_roles_rights_and_for_what_passes(
    monkeypatch: pytest.MonkeyPatch, request_type: str, error: Exception
) -> None:
    from functions.deployment import glue_files

    errors = [error, error]

    def publish(*_: Any) -> Published:
        if errors:
            raise errors.pop()
        return Published("glue/abc", {"Script": "s3://lake/glue/abc/script.py"})

    monkeypatch.setattr(glue_files, "folder_of", Path)
    monkeypatch.setattr(glue_files, "publish_job", publish)
    monkeypatch.setattr(patience, "WAIT_SECONDS", 0)
    assert glue_files.run({"RequestType": request_type})["PhysicalResourceId"] == "glue/abc"
