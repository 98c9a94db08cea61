"""Who may call the embedded Redshift: the emulator's own IAM evaluator, asked for an action it does not know.

The gateway answers `redshift-data` before the emulator sees the request, so it has to ask itself. Only the emulator's
process may import this module.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator, router
from ministack.core.responses import get_account_id, set_request_account_id
from ministack.services import sts

from headrace_local.redshift import DataApiError

# The other actions of the Data API name a statement, not a warehouse: IAM knows no resource for them.
WAREHOUSE_ACTIONS = frozenset(
    {
        "BatchExecuteStatement",
        "DescribeTable",
        "ExecuteStatement",
        "ListDatabases",
        "ListSchemas",
        "ListTables",
    }
)


@dataclass(frozen=True)
class Caller:
    """Who calls: an access key the emulator knows, and the region it signed for."""

    access_key: str
    region: str

    @classmethod
    def of_request(cls, headers: dict[str, str]) -> Caller:
        """The caller of an HTTP request, from the credential of its signature (the signature is not checked)."""
        return cls(router.extract_access_key_id(headers), router.extract_region(headers))

    @classmethod
    def of_role(cls, role_arn: str, session: str, region: str) -> Caller:
        """A service that acts as a role, as Step Functions does."""
        account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
        digest = hashlib.sha256(f"{role_arn} {session}".encode()).hexdigest()
        access_key = f"ASIA{digest[:16].upper()}"
        assumed = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
        secret = {"SecretAccessKey": digest, "SessionToken": digest}
        sts.register_session(access_key, {"Arn": assumed, "UserId": f"{name}:{session}", **secret})
        return cls(access_key, region)


def authorize(caller: Caller, operation: str, request: dict[str, Any]) -> str:
    """The ARN of the caller, when its policies allow the operation. Raises DataApiError when they do not."""
    if not caller.access_key:
        raise DataApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
    set_request_account_id(iam_evaluator.find_iam_access_key_account(caller.access_key) or caller.access_key)
    action = f"redshift-data:{operation}"
    resource = _warehouse(request, caller.region) if operation in WAREHOUSE_ACTIONS else "*"
    denied = iam_evaluator.enforce(caller.access_key, action, "redshift-data", caller.region, resource_arn=resource)
    if isinstance(denied, iam_evaluator.AuthError):
        raise DataApiError(denied.code, denied.message)
    if denied:
        reason = "no identity-based policy allows" if denied.decision != "Deny" else "an identity-based policy denies"
        message = f"User: {denied.principal_arn} is not authorized to perform: {action} on resource: {resource}"
        raise DataApiError("AccessDeniedException", f"{message} because {reason} the {action} action")
    return _arn(caller)


def _warehouse(request: dict[str, Any], region: str) -> str:
    account = get_account_id()
    if cluster := request.get("ClusterIdentifier"):
        return f"arn:aws:redshift:{region}:{account}:cluster:{cluster}"
    return f"arn:aws:redshift-serverless:{region}:{account}:workgroup/{request.get('WorkgroupName', '')}"


def _arn(caller: Caller) -> str:
    principal = iam_evaluator.resolve_principal(caller.access_key, get_account_id())
    return str(principal.arn)
