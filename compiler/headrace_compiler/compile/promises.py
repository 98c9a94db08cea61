"""What a contract promises: slaProperties."""

from __future__ import annotations

from collections.abc import Sequence

from open_data_contract_standard.model import ServiceLevelAgreementProperty

from headrace_compiler.document.document import Problems
from headrace_compiler.document.shape import suggestion

SECONDS = {
    "s": 1, "sec": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600,
    "d": 86400, "day": 86400, "days": 86400,
}  # fmt: skip
PROCESSING_SECONDS = 60
"""What a batch takes from the end of the wait to queryable rows, generously; at most a quarter of a short promise."""
LONGEST_WAIT = 900
STANDARD = {
    "latency", "ly", "generalAvailability", "ga", "endOfSupport", "es", "endOfLife", "el", "retention", "re",
    "frequency", "fy", "timeOfAvailability", "ta", "availability", "av", "throughput", "th", "errorRate", "er",
    "timeToDetect", "td", "timeToNotify", "tn", "timeToRepair", "tr",
}  # fmt: skip


def freshness(promises: Sequence[ServiceLevelAgreementProperty], problems: Problems) -> int | None:
    """The promised seconds from arrival to queryable; None without a promise of latency."""
    seconds: int | None = None
    for index, promise in enumerate(promises):
        here = ("slaProperties", index)
        if promise.property not in STANDARD:
            hint = suggestion(promise.property or "", STANDARD)
            problems.add((*here, "property"), f"ODCS has no promise {promise.property!r}{hint}")
        if promise.property not in {"latency", "ly"}:
            continue
        if seconds is not None:
            problems.add(here, "latency is promised twice")
        seconds = _seconds(promise)
        if seconds is None:
            problems.add((*here, "value"), "latency needs a positive value and a unit of s, min, h or d")
    return seconds


def wait(promised: int | None, merge_seconds: int = 0) -> int:
    """How long a group of files may be waited for, at most 15 minutes.

    A file that just missed a group waits for that group's load, then for its own group, then for its load. So all of
    the promise but twice the time of a load can be waited. Of a staged dataset's promise, a merge's turn comes first.
    """
    if promised is None:
        return 0
    left = promised - merge_seconds
    return max(0, min(left - 2 * min(PROCESSING_SECONDS, left // 4), LONGEST_WAIT))


def _seconds(promise: ServiceLevelAgreementProperty) -> int | None:
    value, unit = promise.value, SECONDS.get((promise.unit or "").lower())
    if isinstance(value, bool) or not isinstance(value, int | float) or unit is None or value <= 0:
        return None
    return int(value * unit)
