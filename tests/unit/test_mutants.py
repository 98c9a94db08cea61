"""What `make mutants` puts into the code, and which changes it leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.mutants import PACKAGE, drawn, equivalents, modules_of, mutants_of

CODE = '''"""A module."""
MOST = 20 * 2


class Box:
    """A class."""

    size: int = 3

    def fits(self, number: int) -> bool:
        """Whether it does."""
        logger.info("looked at", extra={"number": number + 1})
        if number < 0 or not self.open:
            return False
        return number <= self.size and f"{number}" + "x" not in zip(self.of, strict=True)
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("benchmarks.mutants.PACKAGE", tmp_path)
    path = tmp_path / "box.py"
    path.write_text(CODE)
    return path


def test_each_mutant_is_one_small_change(module: Path) -> None:
    made = [(mutant.function, mutant.statement, mutant.was, mutant.now) for mutant in mutants_of(module)]
    assert made == [
        ("", 0, "20 * 2", "41"),
        ("Box", 0, "3", "4"),
        ("Box.fits", 13, "number < 0 or not self.open", "number < 0 and (not self.open)"),
        ("Box.fits", 13, "number < 0", "number <= 0"),
        ("Box.fits", 13, "0", "1"),
        ("Box.fits", 13, "not self.open", "self.open"),
        ("Box.fits", 14, "False", "True"),
        ("Box.fits", 15, CODE.splitlines()[-1].strip(), "return None"),
        (
            "Box.fits", 15, 'number <= self.size and f"{number}" + "x" not in zip(self.of, strict=True)',
            "number <= self.size or f'{number}' + 'x' not in zip(self.of, strict=True)",
        ),
        ("Box.fits", 15, "number <= self.size", "number < self.size"),
        (
            "Box.fits", 15, 'f"{number}" + "x" not in zip(self.of, strict=True)',
            "f'{number}' + 'x' in zip(self.of, strict=True)",
        ),
    ]  # fmt: skip


def test_a_draw_stays_as_it_is_when_other_code_changes(module: Path) -> None:
    before = [mutant.name for mutant in drawn(list(mutants_of(module)), 7, 5)]
    assert before == [mutant.name for mutant in drawn(list(mutants_of(module)), 7, 5)]
    assert before != [mutant.name for mutant in drawn(list(mutants_of(module)), 8, 5)]
    module.write_text(CODE.replace('"""A module."""', '"""A module."""\n\nOTHER = "text"'))
    assert before == [mutant.name for mutant in drawn(list(mutants_of(module)), 7, 5)]
    assert len(drawn(list(mutants_of(module)), 7, 0)) == 11


def test_every_mutant_that_is_left_out_is_one_and_has_a_reason() -> None:
    known = equivalents()
    modules = {name[0] for name in known}
    assert modules <= {str(path.relative_to(PACKAGE)) for path in modules_of("")}
    made = {mutant.name for module in modules for mutant in mutants_of(PACKAGE / module)}
    assert known - made == set()
