"""A change log whose files come twice and in any order, while loads crash, gives the table of its oracle."""

from __future__ import annotations

import pytest

from tests.support.change_log import Size, change_log, check, load, oracle
from tests.support.pipeline import changes


@pytest.mark.parametrize("ordering", [("round",), ()], ids=["ordered", "by arrival"])
@pytest.mark.parametrize("marked", [False, True], ids=["deleted", "marked"])
def test_a_change_log_gives_the_table_of_its_oracle(ordering: tuple[str, ...], *, marked: bool) -> None:
    files = change_log(Size(3000, 300, 20), seed=7)
    wanted = oracle(files, ordered=bool(ordering))
    pipeline = load(changes(marked=marked, ordering=ordering, most_files=5), files, seed=7)
    assert len(wanted) > 100
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == wanted
    if not marked:
        check(pipeline, wanted)


def test_an_unknown_operation_goes_to_quarantine_and_a_delete_of_nothing_is_harmless() -> None:
    pipeline = load(changes(), [[("m1", 1, 1, "I"), ("m2", 1, 2, "X"), ("m3", 1, 3, "D")]], seed=1)
    (loaded,) = [file for file in pipeline.services.files.records.files.values() if file.rows.loaded]
    assert (loaded.rows.read, loaded.rows.loaded, loaded.rows.superseded, loaded.rows.quarantined) == (3, 1, 1, 1)
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == {"m1": 1}
