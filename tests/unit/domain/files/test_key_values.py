"""Templates of keys, and the values that folders and names have."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow.dataset import HivePartitioning, field

from headrace.domain.files.key_values import (
    HIVE_NULL,
    as_pattern,
    fields_of,
    fitted,
    folder_values,
    name_values,
    partition_of,
)

ESCAPED = "\"#%'*/:=?\\{[]^" + "".join(map(chr, range(1, 32))) + "\x7f"
"""What Hive and Spark escape in a partition's folder."""


def hive(value: str) -> str:
    """A value as Hive writes it into a folder's name."""
    return "".join(f"%{ord(sign):02X}" if sign in ESCAPED else sign for sign in value)


@pytest.mark.parametrize(
    ("template", "text", "values"),
    [
        ("dt={dt}", "dt=2026-03-01", {"dt": "2026-03-01"}),
        ("dt={dt}", "dt=", None),
        ("dt={dt}", "DT=2026-03-01", None),
        ("{year}-{month}", "2026-03", {"year": "2026", "month": "03"}),
        ("{meter}_{day}.csv", "m_1_2026.csv", {"meter": "m", "day": "1_2026"}),
        ("{meter}_*.csv", "m-7_.csv", {"meter": "m-7"}),
        ("{meter}_*.csv", "m-7.csv", None),
        ("*_{day}.csv", "_x.csv", {"day": "x"}),
        ("a{x}a", "aa", None),
        ("a{x}a", "aba", {"x": "b"}),
        ("raw", "raw", {}),
        ("raw", "raws", None),
    ],
)
def test_a_template_takes_values_out_of_a_text(template: str, text: str, values: dict[str, str] | None) -> None:
    assert fitted(template, text) == values


@given(st.lists(st.text("ab_", max_size=6), min_size=3, max_size=3), st.text("ab_", max_size=3))
def test_a_text_made_of_values_fits_its_template(values: list[str], between: str) -> None:
    template, text = f"{{x}}{between}-*{{y}}".replace("*{", "*-{"), f"{values[0]}{between}-{values[1]}-{values[2]}"
    if not (values[0] and values[2]):
        return
    found = fitted(template, text)
    assert found is not None
    assert text.startswith(found["x"] + between + "-")
    assert text.endswith("-" + found["y"])


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30))
def test_a_value_that_hive_escaped_comes_back(value: str) -> None:
    assert folder_values(["v={v}"], f"v={hive(value)}/a.csv") == {"v": None if value == HIVE_NULL else value}


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30))
def test_a_value_that_arrow_wrote_comes_back(value: str) -> None:
    folder, _ = HivePartitioning(pa.schema([("v", pa.string())])).format(field("v") == value)
    assert folder_values(["v={v}"], f"{folder}/a.csv") == {"v": None if value == HIVE_NULL else value}


@pytest.mark.parametrize(
    ("folder", "value"),
    [
        ("v=a%3Ab", "a:b"),
        ("v=100%25", "100%"),
        ("v=100%", "100%"),
        ("v=%zz", "%zz"),
        ("v=%3", "%3"),
        ("v=%253A", "%3A"),
        ("v=%C3%A9", "é"),
        ("v=%E9", "é"),
        ("v=a+b", "a+b"),
        (f"v={HIVE_NULL}", None),
    ],
)
def test_values_are_unescaped_once_as_hive_does(folder: str, value: str | None) -> None:
    assert folder_values(["v={v}"], f"{folder}/a.csv") == {"v": value}


def test_folders_behind_those_of_the_templates_are_free() -> None:
    templates = ["dt={dt}", "region={region}"]
    wanted = {"dt": "1", "region": "eu"}
    assert folder_values(templates, "dt=1/region=eu/a.csv") == wanted
    assert folder_values(templates, "dt=1/region=eu/x/y/a.csv") == wanted
    assert folder_values(templates, "dt=1/region=eu.csv") is None
    assert folder_values(templates, "region=eu/dt=1/a.csv") is None
    assert folder_values([], "a.csv") == {}


def test_the_first_template_that_a_name_fits_gives_its_values() -> None:
    templates = ["{meter}_{day}.csv", "{meter}.csv"]
    assert name_values(templates, "m7_1.csv") == {"meter": "m7", "day": "1"}
    assert name_values(templates, "m7.csv") == {"meter": "m7", "day": None}
    assert name_values(templates, "m7.txt") == {"meter": None, "day": None}


def test_a_template_is_a_pattern_too() -> None:
    assert as_pattern("{meter}_*.csv") == "*_*.csv"
    assert fields_of("{meter}_*_{day}.csv") == ["meter", "day"]


def test_a_partition_is_that_of_the_values_in_the_folders() -> None:
    def of(below: str, *numbers: str) -> str:
        return partition_of(["dt={dt}", "n={n}"], below, numbers)

    assert of("dt=2026-01-01/n=1/a.csv", "n") == of("dt=2026-01-01/n=01/x/b.csv", "n")
    assert of("dt=2026-01-01/n=1/a.csv") != of("dt=2026-01-01/n=01/a.csv"), "a text"
    assert of("dt=a%3Ab/n=1/a.csv") == of("dt=a:b/n=1/a.csv")
    assert of("dt=1/n=2/a.csv", "n") != of("dt=2/n=1/a.csv", "n")
    assert of(f"dt=1/n={HIVE_NULL}/a.csv", "n") != of("dt=1/n=0/a.csv", "n")
