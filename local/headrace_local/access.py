"""Who may do what the emulator does not ask IAM for itself: the Redshift Data API, and tasks of state machines.

It is the emulator's own evaluator that answers; only its process may import this module.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator, router
from ministack.core.responses import get_account_id, set_request_account_id
from ministack.services import sts

from headrace_local.redshift import DataApiError

SESSION_SECONDS = 3600
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
        """The caller of an HTTP request, from the credential of its signature (the front door has checked it)."""
        return cls(router.extract_access_key_id(headers), router.extract_region(headers))

    @classmethod
    def of_role(cls, role_arn: str, session: str, region: str) -> Caller:
        """A service that acts as a role, as Step Functions does."""
        account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
        digest = hashlib.sha256(f"{role_arn} {session}".encode()).hexdigest()
        access_key = f"ASIA{digest[:16].upper()}"
        assumed = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
        # Nobody signs with them: the service calls from within.
        unused = {"SecretAccessKey": secrets.token_hex(), "SessionToken": secrets.token_hex()}
        secret = {**unused, "Expiration": time.time() + SESSION_SECONDS}
        sts.register_session(access_key, {"Arn": assumed, "UserId": f"{name}:{session}", **secret})
        return cls(access_key, region)


def authorize(caller: Caller, operation: str, request: dict[str, Any]) -> str:
    """The ARN of the caller, when its policies allow the operation. Raises DataApiError when they do not."""
    if not caller.access_key:
        raise DataApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
    set_request_account_id(iam_evaluator.find_iam_access_key_account(caller.access_key) or caller.access_key)
    for action, resource in needed_rights(operation, request, caller.region):
        enforce(caller, action, resource)
    return str(iam_evaluator.resolve_principal(caller.access_key, get_account_id()).arn)


def needed_rights(operation: str, request: dict[str, Any], region: str) -> list[tuple[str, str]]:
    """The actions an operation needs, each with its resource; to reach a warehouse is also to log in to it."""
    if operation not in WAREHOUSE_ACTIONS:
        return [(f"redshift-data:{operation}", "*")]
    secret, cluster = request.get("SecretArn"), request.get("ClusterIdentifier")
    if cluster:
        warehouse = f"arn:aws:redshift:{region}:{get_account_id()}:cluster:{cluster}"
        user = f"arn:aws:redshift:{region}:{get_account_id()}:dbuser:{cluster}/{request.get('DbUser', '')}"
        login = ("redshift:GetClusterCredentials", user)
    else:
        name = request.get("WorkgroupName", "")
        warehouse = f"arn:aws:redshift-serverless:{region}:{get_account_id()}:workgroup/{name}"
        login = ("redshift-serverless:GetCredentials", warehouse)
    return [(f"redshift-data:{operation}", warehouse), ("secretsmanager:GetSecretValue", secret) if secret else login]


def enforce(caller: Caller, action: str, resource: str) -> None:
    """Return when the caller's policies allow the action. Raises DataApiError when they do not."""
    service = action.split(":", maxsplit=1)[0]
    denied = iam_evaluator.enforce(caller.access_key, action, service, caller.region, resource_arn=resource)
    if isinstance(denied, iam_evaluator.AuthError):
        raise DataApiError(denied.code, denied.message)
    if denied:
        reason = "an identity-based policy denies" if denied.decision == "Deny" else "no identity-based policy allows"
        message = f"User: {denied.principal_arn} is not authorized to perform: {action} on resource: {resource}"
        raise DataApiError("AccessDeniedException", f"{message} because {reason} the {action} action")
