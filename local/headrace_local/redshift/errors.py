"""What can go wrong, in three kinds.

DataApiError     the request itself is refused: raised to the caller of the Data API
SqlError         the SQL is refused or fails: never raised, it becomes the `Error` of a FAILED statement
StatementAbortedError the statement was cancelled: it becomes ABORTED
"""

from __future__ import annotations


class DataApiError(Exception):
    """An error of the Data API's own, with its wire name and HTTP status."""

    def __init__(self, code: str, message: str, http_status: int = 400, **members: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.members = members


class SqlError(Exception):
    """A statement the database refuses; `message` is Redshift's wording without the leading `ERROR: `."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class StatementAbortedError(Exception):
    """The statement was cancelled while it waited or ran."""


def validation_error(message: str) -> DataApiError:
    """The error of a request that breaks the API's rules."""
    return DataApiError("ValidationException", message)


def not_found(message: str, resource_id: str) -> DataApiError:
    """The error of a statement that does not exist, or belongs to another principal."""
    return DataApiError("ResourceNotFoundException", message, ResourceId=resource_id)


def not_emulated(what: str) -> SqlError:
    """The refusal of something that Redshift has and this emulator does not."""
    return SqlError(f"{what} is not supported by the embedded Redshift")
