"""Which splitter a contract's records need."""

from __future__ import annotations

from headrace.domain.contract import Contract
from headrace.transform.delimited.escaped import EscapedSplitter
from headrace.transform.delimited.fixed_width import FixedSplitter
from headrace.transform.delimited.quoted import Splitter

AnySplitter = Splitter | EscapedSplitter | FixedSplitter


def splitter_of(contract: Contract) -> AnySplitter:
    """The splitter for the files of a contract."""
    file_format = contract.format
    if file_format.traits.placed:
        return FixedSplitter(contract.row_columns)
    delimiter, quote = file_format.delimiter.encode(), file_format.quote.encode()
    if file_format.escape:
        escape = file_format.escape.encode()
        return EscapedSplitter(delimiter, quote, escape, file_format.escapes, not file_format.quoted_nulls)
    return Splitter(delimiter, quote, not file_format.quoted_nulls, file_format.excel_text)
