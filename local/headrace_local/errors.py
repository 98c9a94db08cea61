"""What stops a laptop from starting, building or deploying."""

from __future__ import annotations


class LaptopError(Exception):
    """A sentence for a person that says what is wrong; `advice` says what to do about it."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
