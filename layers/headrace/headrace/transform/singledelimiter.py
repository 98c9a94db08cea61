"""Delimiters of several characters on the fast path, which knows delimiters of one: they are exchanged for a while."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Contract
from headrace.transform.block import LineBlock
from headrace.transform.header import Layout

STAND_IN = "\x1f"
"""The unit separator of ASCII, which hardly any text holds; a block that does takes the slow path."""


class SingleDelimiter:
    """What the fast path sees of a block: the block itself, or one with a delimiter of one character.

    Delimiters inside quoted values are exchanged too, and put back in the columns that hold text.
    """

    def __init__(self, contract: Contract, layout: Layout) -> None:
        self._delimiter = contract.format.delimiter
        self._exchanged = len(self._delimiter.encode()) > 1
        keeps_unknown = bool(layout.unknown) and contract.columns != contract.named_columns
        self._usable = contract.format.kind == "csv" and not (self._exchanged and keeps_unknown)
        stand_in = replace(contract.format, delimiter=STAND_IN)
        self.contract = replace(contract, format=stand_in) if self._exchanged else contract

    def view(self, block: LineBlock) -> LineBlock:
        """The block for the fast path, line by line the same."""
        if not self._usable or not self._exchanged or STAND_IN.encode() in block.data:
            return block
        data = block.data.replace(self._delimiter.encode(), STAND_IN.encode())
        return LineBlock(data, block.newline, final=block.final)

    def is_fast(self, view: LineBlock) -> bool:
        """Whether the view has what the fast path needs."""
        return self._usable and (not self._exchanged or self._delimiter.encode() not in view.data)

    def restored(self, table: pa.Table) -> pa.Table:
        """The table with the delimiters in its texts as they were."""
        if not self._exchanged:
            return table
        for place, field in enumerate(table.schema):
            if pa.types.is_string(field.type):
                table = table.set_column(place, field, pc.replace_substring(table[place], STAND_IN, self._delimiter))
        return table
