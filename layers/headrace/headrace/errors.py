"""Every error that Headrace raises on purpose.

HeadraceError
├── TransientError      worth another try: the state machine's Retry names it
└── TerminalError       trying again changes nothing
    ├── MissingSetting  the function was deployed without something it needs
    └── ObjectGoneError a landed object was deleted before it could be read

Step Functions matches errors by class name, so these names are part of the workflow's contract.
"""

from __future__ import annotations


class HeadraceError(Exception):
    """Base of all errors raised on purpose."""


class TransientError(HeadraceError):
    """A throttle, a time-out, a busy service: the same call may work in a moment."""


class TerminalError(HeadraceError):
    """Something that stays wrong until a person changes it."""


class MissingSetting(TerminalError):  # noqa: N818 - reads better in the console than MissingSettingError
    """An environment variable that the function needs is not set."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the environment variable {name} is not set: is the function deployed by template.yaml?")
        self.name = name


class ObjectGoneError(TerminalError):
    """The object, or this version of it, is no longer there."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the object was deleted before it could be read: {key}")
        self.key = key
