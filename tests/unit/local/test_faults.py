"""Which calls a fault strikes, and what its victim is told."""

from __future__ import annotations

import json

import pytest

from headrace_local.faults import REFUSED, Call, Fault, Faults, FaultyDataApi, failure
from headrace_local.redshift import DataApiError
from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.faults import Faults as WarehouseFaults

ROLE = "arn:aws:sts::000000000000:assumed-role/headrace-TransformFunctionRole/x"
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
    status, headers, body = failure(service, throttled=False)
    assert (status, headers["Content-Type"]) == (500, "text/xml")
    assert b"<Code>InternalError</Code>" in body


def test_others_fail_in_json() -> None:
    status, _, body = failure("dynamodb", throttled=True)
    assert (status, json.loads(body)["__type"]) == (400, "ThrottlingException")
