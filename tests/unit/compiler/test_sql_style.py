"""SQL that is made from any contract keeps the style that `make lint` asks for, so that own contracts may live here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlfluff

from headrace.domain.contract import Contract
from headrace.domain.statistics.checks import Check, Metric
from headrace.domain.statistics.judgement import Scope
from headrace_compiler.sql.load import history_sql, load_sql
from headrace_compiler.sql.metrics import measure_sql
from tests.support.fakes import contract

STYLE = str(Path(__file__).parents[3] / ".sqlfluff")
ROWS = Check(Metric.ROW_COUNT)
CONTRACTS = {
    "rows only": contract(checks=(ROWS,)),
    "keys only": contract(checks=(Check(Metric.DUPLICATE_KEYS),)),
    "a column": contract(checks=(ROWS, Check(Metric.MEAN, "value"), Check(Metric.CATEGORIES, "meter"))),
    "truncates": replace(contract(), operation="meter", primary_key=("value",), ordering=(), truncates=("t",)),
    "truncates, ordered": contract(operation="value", truncates=("t",)),
    "history": contract(history=True),
    "no key": contract(primary_key=(), ordering=()),
    "one column": replace(contract(), columns=contract().columns[:1], primary_key=("meter",), ordering=()),
}


@pytest.mark.parametrize("made", CONTRACTS.values(), ids=CONTRACTS)
def test_its_sql_passes_lint(made: Contract) -> None:
    texts = (
        [load_sql(made)]
        + ([history_sql(made)] if made.history else [])
        + ([measure_sql(made, scope) for scope in (Scope.BATCH, Scope.DAY)] if made.checks else [])
    )
    for text in texts:
        assert sqlfluff.lint(text.rstrip() + "\n", config_path=STYLE) == []
