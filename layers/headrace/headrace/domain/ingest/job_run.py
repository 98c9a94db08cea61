"""A run of the Glue job, as another run sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class JobRun:
    """A run of the job: the unit it is for, and the execution that started it."""

    id: str
    state: str
    started: datetime
    batch: str
    unit: str
    execution: str

    @property
    def age(self) -> tuple[datetime, str]:
        """Orders runs, also those of one moment."""
        return self.started, self.id
