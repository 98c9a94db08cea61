"""Functions get secrets that only the laptop can make.

The emulator derives a function's credentials from its ARN and its role's, which other users of the machine may know.
"""

from __future__ import annotations

import hashlib
import hmac
import inspect
from typing import TYPE_CHECKING, Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc, sts

from headrace_local.aws.patching import require

if TYPE_CHECKING:
    from headrace_local.state import Keys


def give_functions_secrets_of_their_own(keys: Keys) -> None:
    """The secret and the token of a function's session follow from the laptop's secret, so they stay what they are."""
    original = lambda_runtime.execution_credentials
    require(list(inspect.signature(original).parameters) == ["config"], "execution_credentials takes other arguments")
    require(lambda_svc.execution_credentials is original, "lambda_svc has other credentials for functions")

    def credentials(config: dict[str, Any]) -> dict[str, str]:
        access_key = original(config)["AWS_ACCESS_KEY_ID"]
        secret, token = (derived(keys, f"{use} {access_key}") for use in ("secret", "token"))
        sts._sessions[access_key].update({"SecretAccessKey": secret, "SessionToken": token})  # noqa: SLF001
        return {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}

    lambda_runtime.execution_credentials = credentials
    lambda_svc.execution_credentials = credentials


def derived(keys: Keys, text: str) -> str:
    """A secret that follows from the laptop's own."""
    return hmac.new(keys.secret_access_key.encode(), text.encode(), hashlib.sha256).hexdigest()
