"""The columns that say where a row comes from."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Contract
from headrace.transform.outcome import BadRow, Block
from headrace.transform.rules.parsed import Parsed
from headrace.transform.schema import arrow_schema, one_text


class Lineage:
    """Adds the lineage to the rows of one file."""

    def __init__(self, contract: Contract, file_id: str, batch_id: str) -> None:
        self._schema = arrow_schema(contract)
        self._file_id = file_id
        self._batch_id = batch_id

    def block(self, parsed: Parsed, before: int = 0) -> Block:
        """The rows with their lineage, their numbers moved on by what was read before."""
        good = parsed.table.num_rows
        numbers = pc.add(parsed.numbers, before) if before else parsed.numbers
        lineage = [one_text(self._file_id, good), numbers, one_text(self._batch_id, good)]
        bad = [BadRow(row.row_number + before, row.raw, row.errors) for row in parsed.bad] if before else parsed.bad
        return Block(pa.table([*parsed.table.columns, *lineage], schema=self._schema), bad)
