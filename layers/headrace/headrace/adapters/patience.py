"""How long work at a deployment is tried again, and for which errors."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from headrace.adapters.aws import is_denied, is_transient
from headrace.errors import TransientError
from headrace.observability import logger

NEW_RIGHTS_SECONDS = 60
PASSES_SECONDS = 300
WAIT_SECONDS = 5
Answer = TypeVar("Answer")


def patiently(work: Callable[[], Answer], *, new_rights: bool, seconds: float = PASSES_SECONDS) -> Answer:
    """What `work` returns, tried again while an error may pass. It must be harmless to repeat.

    A role whose rights are seconds old may not have them everywhere yet: with `new_rights`, what is denied is tried
    again for a minute.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    What passes by itself, such as a throttled call or a warehouse that wakes up, is tried again for `seconds`.
    """
    begun = time.monotonic()
    while True:
        try:
            return work()
        except Exception as error:
            if time.monotonic() - begun >= patience_with(error, seconds, new_rights=new_rights):
                raise
            logger.warning("tried again: it passes, or a new role's rights take a while", extra={"error": str(error)})
            time.sleep(WAIT_SECONDS)


def patience_with(error: Exception, seconds: float, *, new_rights: bool) -> float:
    """For how many seconds an error is taken for one that passes."""
    if is_denied(error):
        return NEW_RIGHTS_SECONDS if new_rights else 0
    return seconds if isinstance(error, TransientError) or is_transient(error) else 0
