"""An object version as the landing bucket lists it."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.domain.ingest.ledger import Arrival


@dataclass(frozen=True, slots=True)
class Landed:
    """One version of a key. `latest` is whether it is what a plain GET of the key gives; `at` is in UTC, ISO 8601.

    One that is `deleted` is no object: from then on, there was none.
    """

    bucket: str
    key: str
    version: str
    size: int
    etag: str
    at: str
    latest: bool
    deleted: bool = False

    def arrival(self, sequencer: str = "") -> Arrival:
        """As if it had come by event, with a place among its key's versions that the listing does not give."""
        return Arrival(self.bucket, self.key, self.version, self.size, self.etag, sequencer, self.at)

    @property
    def file_id(self) -> str:
        """The id that the ledger knows it by."""
        return self.arrival().file_id
