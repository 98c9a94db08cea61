"""What is counted of a file while it is read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from headrace.domain.contract import Contract
from headrace.domain.ingest.row_limits import hopeless, most_bad_rows
from headrace.transform import Block, FileReport


@dataclass(slots=True)
class Account:
    """What is counted of a file while it streams. `held` says why what comes after `report` need not be read."""

    report: FileReport
    broken: Counter[str] = field(default_factory=Counter)
    held: str | None = None

    def add(self, block: Block, report: FileReport, contract: Contract) -> Block:
        """Counts a block. Gives what counts of it: where too many rows are bad, up to the first one too many.

        So what is reported and kept of a file that is held back does not depend on how it was read.
        """
        most = most_bad_rows(contract)
        before = report.rows_bad - len(block.bad)
        block = Block(block.good, block.bad[: most + 1 - before])
        for row in block.bad:
            self.broken.update(f"{error.column or 'row'}: {error.rule}" for error in row.errors)
        self.report = replace(report)
        if report.rows_bad > most:
            read, bad = block.bad[-1].row_number, most + 1
            self.report = replace(report, rows_read=read, rows_bad=bad)
            self.held = hopeless(contract, read, bad, self.broken)
        return block
