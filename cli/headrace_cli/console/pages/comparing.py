"""Reconcile: a comparison that takes its time, in a thread, with its progress on the page."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headrace.domain.clock import written
from headrace_cli.commands.repair import reconcile
from headrace_cli.output.failures import explain

if TYPE_CHECKING:
    from headrace_cli.console.memory import Memory
    from headrace_cli.stack.target import Target


@dataclass
class Comparison:
    """The last comparison of this console: none yet, under way, ended with a document or with a reason."""

    target: Target
    memory: Memory
    under_way: bool = False
    progress: str = ""
    ended_at: str = ""
    document: dict[str, Any] | None = None
    reason: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, dataset: str | None) -> None:
        """Compare, unless a comparison is under way."""
        with self._lock:
            if self.under_way:
                return
            self.under_way, self.progress, self.reason, self.document = True, "", "", None
        threading.Thread(target=self._run, args=(dataset,), name="comparison", daemon=True).start()

    def _run(self, dataset: str | None) -> None:
        try:
            self.document = reconcile.collect(self.target, dataset, tell=self._tell)
        except Exception as error:  # it is shown, whatever it is
            self.reason = explain(error)
        finally:
            self.under_way, self.ended_at = False, written(datetime.now(UTC))
            self.memory.changes += 1

    def _tell(self, progress: str) -> None:
        self.progress = progress
