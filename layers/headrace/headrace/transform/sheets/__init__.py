"""Sheets of Excel's workbooks."""
