"""What a deployment does to the warehouse. `app.py` imports it where it can answer for a failure."""

from __future__ import annotations

import time
from typing import Any

from headrace.adapters.aws import is_denied, is_transient
from headrace.bootstrap.ingest import services
from headrace.config import setting
from headrace.errors import TransientError
from headrace.observability import logger
from headrace.usecases.make_loader import make_loader
from headrace.usecases.migrate import migrate

NEW_RIGHTS_SECONDS = 60
PASSES_SECONDS = 300
WAIT_SECONDS = 5


def run(event: dict[str, Any]) -> None:
    """Make the loader, where the warehouse is the stack's own, and bring the tables along. They outlive the stack.

    A new stack's role is seconds old, and IAM's changes reach all of AWS only in a while: what is denied to it is tried
    again for a minute.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    What passes by itself, a throttled call or a warehouse that wakes up, is tried again for five minutes.
    """
    if event["RequestType"] == "Delete":
        return
    begun = time.monotonic()
    while True:
        try:
            if setting("ADMIN_SECRET"):
                make_loader(services.warehouse_admin, setting("DATABASE"), *services.warehouse_login)
            applied = migrate(services, setting("DATABASE"))
        except Exception as error:
            if time.monotonic() - begun >= patience_with(error, event["RequestType"]):
                raise
            logger.warning("tried again: it passes, or a new role's rights take a while", extra={"error": str(error)})
            time.sleep(WAIT_SECONDS)
        else:
            logger.info("the warehouse follows the contracts", extra={"applied": applied})
            return


def patience_with(error: Exception, request: str) -> int:
    """For how many seconds an error is taken for one that passes."""
    if is_denied(error):
        return NEW_RIGHTS_SECONDS if request == "Create" else 0
    return PASSES_SECONDS if isinstance(error, TransientError) or is_transient(error) else 0
