"""Which calls a fault strikes, and what its victim is told."""

from __future__ import annotations

import json

import pytest
from botocore.awsrequest import HeadersDict
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.parsers import create_parser
from botocore.session import get_session
from ministack.services import stepfunctions

from headrace.domain.ingest.failure import Failure, catalogue, classify, explain
from headrace_local.aws.workflow_limits import check
from headrace_local.faults import (
    REFUSED,
    Call,
    Fault,
    Faults,
    FaultyDataApi,
    TaskFaultError,
    answer_of,
    fault_of,
)
from headrace_local.redshift import DataApiError
from headrace_local.redshift.errors import SqlError, StatementAbortedError
from headrace_local.redshift.faults import Faults as WarehouseFaults

ROLE = "arn:aws:sts::000000000000:assumed-role/headrace-TransformFunctionRole/x"
LOADER = "arn:aws:sts::000000000000:assumed-role/headrace-RunStatementsFunctionRole/x"
PUT = Call("s3", "PUT", ROLE, "/lake/part-1")


def faults(*listed: Fault) -> Faults:
    return Faults(lambda: None, WarehouseFaults(), list(listed))


@pytest.mark.parametrize(
    ("fault", "meets"),
    [
        (Fault("s3", "PUT"), True),
        (Fault("s3", "PUT", caller="TransformFunction", path="part-"), True),
        (Fault("s3", "GET"), False),
        (Fault("sns", "PUT"), False),
        (Fault("s3", "PUT", caller="StarterFunction"), False),
        (Fault("s3", "PUT", path="manifest"), False),
        (Fault("s3", "PUT", call=2), False),
    ],
)
def test_a_fault_strikes_its_own_calls(fault: Fault, meets: bool) -> None:
    assert (faults(fault).meeting(PUT) is not None) == meets


def test_the_warehouses_own_faults_are_passed_on() -> None:
    waiting = faults()
    waiting.ask([Fault("redshift", "serializable", path="MERGE", times=2), Fault("s3", "PUT")])
    assert [fault.service for fault in waiting.listed] == ["s3"]
    with pytest.raises(SqlError, match="1023"):
        waiting.warehouse.strike_statement("merge into t")
    waiting.forget()
    waiting.warehouse.strike_statement("MERGE INTO t")
    with pytest.raises(ValueError, match="nonsense is none of"):
        waiting.ask([Fault("redshift", "nonsense")])


def test_it_strikes_from_its_call_on_so_many_times() -> None:
    waiting = faults(Fault("s3", "PUT", call=2, times=2))
    assert [waiting.meeting(PUT) is not None for _ in range(5)] == [False, True, True, False, False]
    assert (waiting.listed[0].seen, waiting.listed[0].struck) == (5, 2)


class DataApi:
    """Counts what reaches the warehouse."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def call(self, operation: str, request: dict[str, object], *, principal: str) -> dict[str, object]:
        self.called.append(operation)
        return {"Id": "real"}


@pytest.mark.parametrize(("when", "reached"), [("before", []), ("after", ["BatchExecuteStatement"])])
def test_a_load_is_lost_before_or_after_it_is_submitted(when: str, reached: list[str]) -> None:
    warehouse = DataApi()
    faulty = FaultyDataApi(warehouse, faults(Fault("redshift-data", "BatchExecuteStatement", when=when)))
    with pytest.raises(DataApiError):
        faulty.call("BatchExecuteStatement", {}, principal=ROLE)
    assert warehouse.called == reached
    assert faulty.call("BatchExecuteStatement", {}, principal=ROLE) == {"Id": "real"}


def test_a_refused_load_is_accepted_and_fails_in_the_warehouses_words() -> None:
    warehouse = DataApi()
    fault = Fault("redshift-data", "BatchExecuteStatement", what="refuse", text="ERROR: deadlock detected")
    faulty = FaultyDataApi(warehouse, faults(fault))
    accepted = faulty.call("BatchExecuteStatement", {}, principal=ROLE)
    assert str(accepted["Id"]).startswith(REFUSED)
    described = faulty.call("DescribeStatement", {"Id": accepted["Id"]}, principal=ROLE)
    assert (described["Status"], described["Error"]) == ("FAILED", "ERROR: deadlock detected")
    assert not warehouse.called


def test_what_a_person_asks_of_the_warehouse_is_not_touched() -> None:
    waiting = faults(Fault("redshift-data", "DescribeStatement"))
    answer = FaultyDataApi(DataApi(), waiting).call("DescribeStatement", {}, principal="arn:aws:iam::000000000000:root")
    assert (answer, waiting.listed[0].seen) == ({"Id": "real"}, 0)


def test_executions_are_stopped() -> None:
    stopped: list[int] = []
    waiting = Faults(lambda: stopped.append(1), WarehouseFaults())
    waiting.carry_out(Fault("s3", "PUT", what="stop"), "")
    assert stopped == [1]


@pytest.mark.parametrize("service", ["s3", "sns"])
def test_services_that_answer_xml_fail_in_xml(service: str) -> None:
    status, headers, body = answer_of(Fault(service, "PUT"))
    assert (status, headers["Content-Type"]) == (500, "text/xml")
    assert b"<Code>InternalError</Code>" in body


def test_others_fail_in_json() -> None:
    status, _, body = answer_of(Fault("dynamodb", "GetItem", what="throttle"))
    assert (status, json.loads(body)["__type"]) == (400, "ThrottlingException")


# -- the catalogue's errors -----------------------------------------------------------------------------------------
def raised(failure: Failure) -> str:
    """The error as it reaches the workflow's end, raised by its fault where it arises."""
    waiting = faults()
    fault = fault_of({"catalogue": failure.name})
    waiting.ask([fault])
    if fault.service == "redshift":
        return failed_statement(waiting, f"-- {fault.path} --")
    if fault.service == "redshift-data":
        with pytest.raises(DataApiError) as refused:
            FaultyDataApi(DataApi(), waiting).call(fault.operation, {}, principal=LOADER)
        error = {"Code": refused.value.code, "Message": refused.value.message}
        return explain("ClientError", str(ClientError({"Error": error}, fault.operation)))
    if fault.service in {"lambda", "events", "sns", "glue"}:
        resource = f"arn:aws:states:::{fault.service}:{fault.operation}"
        try:
            given = {"FunctionName": "headrace-PrepareLoadFunction"}
            answer = waiting.around_task(resource, given, lambda: {"rows": 1})
            check(answer, "The task's result")  # it is the workflow that refuses what is too large
        except TaskFaultError as refused:
            return explain(*refused.args)
        except stepfunctions._ExecutionError as refused:
            return explain(refused.error, refused.cause)
        raise AssertionError("nothing struck")
    return explain("ClientError", answered(fault, failure))


def failed_statement(waiting: Faults, sql: str) -> str:
    try:
        waiting.warehouse.strike_statement(sql)
    except SqlError as error:
        return explain("LoadRefused", f"Query #3 failed with ERROR: {error.message}")
    except StatementAbortedError:
        return explain("LoadAborted", "ABORTED")
    raise AssertionError("nothing struck")


MODELS = {"states": "stepfunctions"}


def answered(fault: Fault, failure: Failure) -> str:
    """What botocore's own parser makes of the answer."""
    if fault.what == "drop":
        return str(ConnectionClosedError(endpoint_url="https://s3.us-east-1.amazonaws.com/"))
    operation = failure.text.partition("when calling the ")[2].partition(" ")[0]
    model = get_session().get_service_model(MODELS.get(fault.service, fault.service))
    status, headers, body = answer_of(fault)
    answer = {"status_code": status, "headers": HeadersDict(headers), "body": body}
    shape = model.operation_model(operation).output_shape
    return str(ClientError(create_parser(model.resolved_protocol).parse(answer, shape), operation))


@pytest.mark.parametrize("failure", catalogue(), ids=lambda failure: failure.name)
def test_every_error_of_the_catalogue_can_be_raised_by_its_name(failure: Failure) -> None:
    assert classify(raised(failure)) is failure


def test_an_error_that_the_catalogue_does_not_have_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="the catalogue has no error 'earthquake'"):
        fault_of({"catalogue": "earthquake"})


def test_the_statements_and_the_number_of_strikes_can_be_chosen() -> None:
    fault = fault_of({"catalogue": "redshift-disk-full", "path": "batches/orders-", "times": 3})
    assert (fault.service, fault.path, fault.times) == ("redshift", "batches/orders-", 3)
