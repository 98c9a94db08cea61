"""What `timeOfAvailability` and `frequency` become, and that the page's example is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headrace.domain.contract import Contract
from headrace.domain.expected.calendar import HOUR, MONTH, Expectation
from headrace_compiler import ContractErrors, compile_contract

PAGE = (Path(__file__).parents[3] / "docs/contracts.md").read_text("utf-8")
EXAMPLE = PAGE.partition("## Expected files")[2].partition("```yaml\n")[2].partition("```")[0]
HEAD = EXAMPLE.partition("slaProperties:")[0]


def compiled(tmp_path: Path, promises: str, head: str = HEAD) -> Contract:
    path = tmp_path / "meter_values.odcs.yaml"
    path.write_text(f"{head}slaProperties:\n{promises}")
    contract = compile_contract(path)
    assert Contract.from_json(contract.to_json()) == contract
    return contract


def test_the_example_of_the_page(tmp_path: Path) -> None:
    contract = compiled(tmp_path, EXAMPLE.partition("slaProperties:\n")[2])
    holidays = ("01-01", "easter-2", "easter+1", "08-01", "12-25", "12-26", "2026-12-24")
    assert contract.expected == (
        Expectation(
            "morning", minutes=360, zone="Europe/Zurich", weekdays=(0, 1, 2, 3, 4), holidays=holidays, least=3, most=3,
            least_bytes=1000,
        ),
    )  # fmt: skip
    assert (contract.quarantine_limit, contract.held_seconds, contract.notify_quiet) == (0.05, 14_400, True)


def due(at: str, *properties: str) -> str:
    custom = "".join(f"\n      - {{property: {each}}}" for each in properties)
    return f"  - property: timeOfAvailability\n    value: {at}" + (
        f"\n    customProperties:{custom}\n" if custom else "\n"
    )


@pytest.mark.parametrize(
    ("at", "minutes", "zone"),
    [('"06:00"', 360, "UTC"), ('"06:00Z"', 360, "UTC"), ("09:00-08:00", 540, "Etc/GMT+8"),
     ('"6:30+01:00"', 390, "Etc/GMT-1"), ('"24:00"', 1440, "UTC"), ('"06:00:00+00:00"', 360, "UTC")],
)  # fmt: skip
def test_times(at: str, minutes: int, zone: str, tmp_path: Path) -> None:
    (one,) = compiled(tmp_path, due(at)).expected
    assert (one.name, one.minutes, one.zone, one.least, one.most) == ("files", minutes, zone, 1, None)


@pytest.mark.parametrize(
    ("files", "bounds"), [("3", (3, 3)), ('"3"', (3, 3)), ('"2-4"', (2, 4)), ('"2+"', (2, None)), ('"1 - 5"', (1, 5))]
)
def test_numbers_of_files(files: str, bounds: tuple[int, int | None], tmp_path: Path) -> None:
    (one,) = compiled(tmp_path, due('"06:00"', f"files, value: {files}")).expected
    assert (one.least, one.most) == bounds


def test_hours_months_and_dates_that_yaml_reads_as_such(tmp_path: Path) -> None:
    hours = "  - {property: frequency, value: 6, unit: h}\n" + due('"00:15"', "lateHours, value: 1.5")
    (one,) = compiled(tmp_path, hours).expected
    assert (one.every, one.hours, one.minutes, one.late_seconds) == (HOUR, 6, 15, 5400)
    given = ("monthDays, value: [15, last]", "holidays, value: [2026-12-24]", "pattern, value: 'a-*.csv'")
    months = "  - {property: frequency, value: 1, unit: month}\n" + due('"06:00"', *given)
    (one,) = compiled(tmp_path, months).expected
    assert (one.every, one.month_days, one.holidays, one.pattern) == (MONTH, (0, 15), ("2026-12-24",), "a-*.csv")


def test_a_frequency_alone_expects_nothing(tmp_path: Path) -> None:
    assert compiled(tmp_path, "  - {property: frequency, value: 1, unit: y}\n").expected == ()


def test_two_times_need_names(tmp_path: Path) -> None:
    with pytest.raises(ContractErrors, match="give each an id"):
        compiled(tmp_path, due('"06:00"') + due('"18:00"'))
    named = due('"06:00"') + due('"18:00"') + "    id: evening\n"
    assert [each.name for each in compiled(tmp_path, named).expected] == ["files", "evening"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("v3.2.0", "v3.1.0", "write apiVersion: v3.2.0"),
        ("5%", "5", "quarantineLimit must be"),
        ("heldLimitHours, value: 4", "heldLimitHours, value: 0", "heldLimitHours must be 1 to 720"),
        ("whenQuiet, value: notify", "whenQuiet, value: notfy", "did you mean 'notify'"),
    ],
)
def test_mistakes_beside_it(old: str, new: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ContractErrors, match=re.escape(reason)):
        compiled(tmp_path, due('"06:00"', "files, value: 3"), HEAD.replace(old, new, 1))
