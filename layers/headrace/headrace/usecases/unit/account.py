"""What is counted of a file while it is read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from headrace.domain.contract import Contract
from headrace.domain.ingest.bad_rows import hopeless, most_bad_rows
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
        too_many = report.rows_bad - most_bad_rows(contract)
        if too_many > 0:
            block = Block(block.good, block.bad[: len(block.bad) - too_many + 1])
        for row in block.bad:
            self.broken.update(f"{error.column or 'row'}: {error.rule}" for error in row.errors)
        self.report = replace(report)
        if too_many > 0:
            read, bad = block.bad[-1].row_number, most_bad_rows(contract) + 1
            self.report = replace(report, rows_read=read, rows_bad=bad, rows_good=read - bad)
            self.held = hopeless(contract, read, bad, self.broken)
        return block
