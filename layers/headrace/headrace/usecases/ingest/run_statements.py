"""A batch's transaction in the warehouse: submitted by one call, looked at by the next ones.

The answers stay in the execution's history for 90 days, so a failure is described without the values that Redshift's
text may quote. Both calls are one function's, since the Data API shows a statement only to the role that submitted it:
https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-access.html.
"""

from __future__ import annotations

from collections.abc import Callable

from headrace.domain.contract import Contract
from headrace.domain.statement import StatementState
from headrace.observability import emit
from headrace.usecases.ports import Transactions

LOAD = "load"
"""The purpose of the transaction that loads a batch; `figures` measures it before."""
LONGEST_TOKEN = 64
LOAD_REFUSED, LOAD_ABORTED = "LoadRefused", "LoadAborted"


def submit(
    statements: list[str], batch: str, purpose: str, began: str, load_try: int, warehouse: Transactions
) -> str:  # fmt: skip
    """Submit the statements as one transaction and return its id.

    A call whose answer was lost is repeated with the same token, and gets the id of the same transaction: the token is
    made of the batch, when its execution began, and how often it was submitted.
    """
    named = [batch] if purpose == LOAD else [batch, purpose]
    token = ".".join([*named, began, str(load_try)])[-LONGEST_TOKEN:]
    return warehouse.submit_transaction(statements, token, " ".join(named))


def look(
    statement: str, contract: Contract, warehouse: Transactions, ended: Callable[[StatementState], None] | None = None
) -> dict[str, str]:
    """How a transaction is doing: `{"status"}`, with `error` and `cause`, free of values, if it has failed.

    `conflict` is a failure that another transaction brought about: it is worth submitting again at once. Whoever wants
    to know that it has `ended` is called.
    """
    state = warehouse.look(statement, contract.names)
    if not state.ended:
        return {"status": "running"}
    emit({"WarehouseSeconds": state.seconds}, dataset=contract.dataset)
    if ended:
        ended(state)
    if not state.error:
        return {"status": "finished"}
    status, error = "conflict" if state.conflict else "failed", LOAD_ABORTED if state.aborted else LOAD_REFUSED
    return {"status": status, "error": error, "cause": state.error}
