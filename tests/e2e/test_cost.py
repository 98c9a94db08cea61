"""What `headrace cost` says of a run, beside what the laptop counted of it; and who did what by hand."""

from __future__ import annotations

import getpass

from benchmarks.cost import ask, compared
from headrace.domain.clock import now
from headrace_cli.stack.target import target_at
from tests.e2e.conftest import Laptop

FILES = 30


def test_the_cost_of_thirty_files_is_about_what_was_counted(laptop: Laptop) -> None:
    laptop.settle()
    target, page, begun = target_at(laptop.home), laptop.page("requests"), now()
    ask(page, "POST")
    for number in range(FILES):
        laptop.put(f"readings/cost-{number}.csv", f"meter,read_at,value\nc{number},2026-01-01T00:00:00Z,1\n".encode())
    laptop.settle()
    result = compared(target, begun, ask(page, "DELETE"), FILES)
    assert abs(result["percent"]) < 15, result  # of a thousand files: docs/benchmarks.md
    assert result["meters"]["write_unit"]["counted"] > 5 * FILES
    document = laptop.headrace("cost", "--since", begun, "--dataset", "readings")
    (day,) = document["days"]
    assert (day["files"], day["loads"]) == (FILES, result["loads"])
    assert 60 <= day["awake_seconds"] <= 60 * day["loads"] + 600


def test_an_act_is_in_the_ledger_with_the_user_of_the_machine(laptop: Laptop) -> None:
    laptop.put("readings/audited.csv", b"meter,read_at,value\naud,2026-01-01T00:00:00Z,1\n")
    laptop.settle()
    begun = now()
    laptop.headrace("reload", "readings/audited.csv", "--force", "--reason", "a second look")
    laptop.settle()
    (entry,) = laptop.headrace("history", "--audit", "--since", begun)["entries"]
    assert (entry["action"], entry["by"], entry["reason"]) == ("reload", getpass.getuser(), "a second look")
    assert entry["outcome"] == "1 file sent again of 1"
    acts = [step for step in laptop.trace("readings/audited.csv")["steps"] if step["source"] == "person"]
    assert [step["step"] for step in acts] == ["headrace reload"]
