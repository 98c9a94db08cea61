"""CloudFormation custom resource: the warehouse's tables follow the contracts at every deployment."""

from __future__ import annotations

from typing import Any

from headrace.adapters.cloudformation import respond
from headrace.bootstrap import services
from headrace.config import setting
from headrace.entrypoint import entrypoint
from headrace.observability import logger
from headrace.usecases.migrate import migrate


@entrypoint
def lambda_handler(event: dict[str, Any]) -> None:
    """Create and Update migrate; Delete leaves the tables, they hold data. A failure stops the deployment."""
    reason = ""
    try:
        if event["RequestType"] != "Delete":
            applied = migrate(services, setting("DATABASE"))
            logger.info("the warehouse follows the contracts", extra={"applied": applied})
    except Exception as error:
        logger.exception("the warehouse could not be migrated")
        reason = f"{type(error).__name__}: {error}"
    respond(event, reason)
