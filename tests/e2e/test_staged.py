"""A staged dataset: files are appended to a stage table as they come, a merge on the clock takes them to the table."""

from __future__ import annotations

import time
from typing import Any

from tests.e2e.conftest import Laptop

TARGET = "SELECT meter, value, _batch_id FROM public.staged WHERE meter LIKE '{}%' ORDER BY 1"


def content(*rows: tuple[str, int], day: int = 1) -> bytes:
    lines = [f"{meter},2026-01-{day:02}T00:00:00Z,{value}\n" for meter, value in rows]
    return ("meter,read_at,value\n" + "".join(lines)).encode()


def rows(laptop: Laptop, prefix: str) -> list[list[Any]]:
    return [row[:2] for row in laptop.rows(TARGET.format(prefix))]


def left_in_stage(laptop: Laptop) -> int:
    return int(laptop.rows("SELECT COUNT(*) FROM etl.staged_staged")[0][0])


def until(laptop: Laptop, key: str, *statuses: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        story: dict[str, Any] = laptop.trace(key)
        if story["status"] in statuses:
            return story
    raise AssertionError(f"{key} is {story['status']}, not {statuses}")


def test_rows_are_staged_then_merged_with_the_contracts_transformation(laptop: Laptop) -> None:
    laptop.put("staged/1.csv", content((" a1", 1), ("a2", 2000), ("a3", -1)))
    story = until(laptop, "staged/1.csv", "staged", "merging", "loaded")
    if story["status"] != "loaded":
        assert story["rows"] == {
            "read": 3, "loaded": 0, "superseded": 0, "quarantined": 1, "duplicate": 0, "staged": 2,
        }  # fmt: skip
    laptop.settle()
    story = laptop.trace("staged/1.csv")
    assert story["status"] == "loaded"
    assert story["rows"] == {"read": 3, "loaded": 2, "superseded": 0, "quarantined": 1, "duplicate": 0}
    steps = [step["step"] for step in story["steps"]]
    assert steps.index("Staged") < steps.index("Loaded")
    assert rows(laptop, "A") == [["A1", 10], ["A2", None]]
    assert {row[2] for row in laptop.rows(TARGET.format("A"))} == {story["merge"]}
    assert left_in_stage(laptop) == 0


def test_a_merge_takes_what_many_batches_staged_and_the_newest_row_of_a_key_stays(laptop: Laptop) -> None:
    laptop.put("staged/b1.csv", content(("b", 1), ("b9", 9)))
    laptop.put("staged/b2.csv", content(("b", 2), day=3))
    laptop.put("staged/b3.csv", content(("B", 3), day=2))
    laptop.settle()
    assert rows(laptop, "B") == [["B", 20], ["B9", 90]]
    assert [laptop.trace(f"staged/b{n}.csv")["rows"]["superseded"] for n in (1, 2, 3)] == [1, 0, 1]
    states = "SELECT value, valid_from, valid_to, is_current FROM public.staged_history WHERE meter = 'B' ORDER BY 2"
    assert [[value, str(start)[:10], end and str(end)[:10], now] for value, start, end, now in laptop.rows(states)] == [
        [10, "2026-01-01", "2026-01-02", False],
        [30, "2026-01-02", "2026-01-03", False],
        [20, "2026-01-03", None, True],
    ]
    laptop.put("staged/b1.csv", content(("b9", 8)))
    laptop.put("staged/copy.csv", content(("b9", 8)))
    laptop.settle()
    assert rows(laptop, "B") == [["B", 20], ["B9", 80]]
    assert laptop.trace("staged/copy.csv")["status"] == "duplicate"
    assert left_in_stage(laptop) == 0


def test_a_loaded_file_is_staged_and_merged_again(laptop: Laptop) -> None:
    laptop.put("staged/r.csv", content(("r1", 1), ("r2", 2)))
    laptop.settle()
    laptop.headrace("sql", "--write", "DELETE FROM public.staged WHERE meter = 'R1'")
    assert laptop.headrace("reload", "staged/r.csv", "--force")["sent"] == 1
    laptop.settle()
    assert rows(laptop, "R") == [["R1", 10], ["R2", 20]]
    assert laptop.trace("staged/r.csv")["rows"]["loaded"] == 2
    assert laptop.headrace("reconcile", "staged", check=False)["differences"] == []


def test_files_whose_merge_finds_no_table_wait_until_it_is_back(laptop: Laptop) -> None:
    laptop.headrace("sql", "--write", "ALTER TABLE public.staged RENAME TO staged_away")
    try:
        for number in range(2):
            laptop.put(f"staged/x{number}.csv", content((f"x{number}", 1 if number else 7)))
        assert laptop.run("wait", "--timeout", "15").returncode == 1
        assert laptop.trace("staged/x0.csv")["status"] in {"staged", "merging"}
    finally:
        laptop.headrace("sql", "--write", "ALTER TABLE public.staged_away RENAME TO staged")
    laptop.settle()
    assert left_in_stage(laptop) == 0
    assert laptop.trace("staged/x0.csv")["status"] == "loaded"
    assert rows(laptop, "X0") == [["X0", 70]]
