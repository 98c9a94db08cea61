"""What all patches of the emulator share."""

from __future__ import annotations


def require(present: bool, what: str) -> None:
    """Stop with a sentence when the emulator is not the one these patches were written for."""
    if not present:
        raise RuntimeError(f"ministack has changed: {what}; look at the patches in headrace_local before going on")
