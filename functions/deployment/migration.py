"""What a deployment does to the warehouse. `app.py` imports it where it can answer for a failure."""

from __future__ import annotations

from typing import Any

from headrace.adapters.patience import patiently
from headrace.bootstrap.ingest import services
from headrace.config import setting
from headrace.observability import logger
from headrace.usecases.let_read import let_read, make_reader
from headrace.usecases.make_loader import make_loader
from headrace.usecases.migrate import migrate


def run(event: dict[str, Any]) -> None:
    """Make the users, where the warehouse is the stack's own, and bring the tables along. They outlive the stack.

    Rights may be seconds old in an update, too: parameters such as `Workgroup` and `LakeKmsKeyArn` change them.
    """
    if event["RequestType"] == "Delete":
        return
    applied = patiently(follow_contracts, new_rights=True)
    logger.info("the warehouse follows the contracts", extra={"applied": applied})


def follow_contracts() -> Any:
    """What was applied to the warehouse."""
    reader = services.reader_login if setting("READER_SECRET") else None
    if setting("ADMIN_SECRET"):
        make_loader(services.warehouse_admin, setting("DATABASE"), *services.warehouse_login)
        if reader:
            make_reader(services.warehouse_admin, *reader)
    applied = migrate(services, setting("DATABASE"))
    return applied + [f"readable: {name}" for name in (let_read(services, reader[0]) if reader else ())]
