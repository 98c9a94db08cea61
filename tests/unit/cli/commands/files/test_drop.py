"""`headrace drop`."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace_cli.commands.files.drop import key_for
from headrace_cli.stack.landing import file_id_of
from tests.support.fakes import contract
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path in paths:
        path.write_text(path.name)
    return [str(path) for path in paths]


def landed(stack: FakeStack) -> dict[str, bytes]:
    return {item.key: item.data for item in stack.s3.stored if item.bucket == "landing"}


def test_files_go_under_the_contracts_prefix(stack: FakeStack, run_json: RunJson, files: list[str]) -> None:
    stack.deploy(contract(prefix="in/readings/"))
    code, document = run_json("drop", "readings", *files)
    assert code == 0
    assert landed(stack) == {"in/readings/a.csv": b"a.csv", "in/readings/b.csv": b"b.csv"}
    assert [item["key"] for item in document["files"]] == ["in/readings/a.csv", "in/readings/b.csv"]
    assert [item["size"] for item in document["files"]] == [5, 5]


def test_the_document_names_version_and_file_id(stack: FakeStack, run_json: RunJson, files: list[str]) -> None:
    _, document = run_json("drop", "readings", files[0])
    (sent,) = document["files"]
    assert sent["version"] == stack.s3.stored[-1].version
    assert sent["file_id"] == file_id_of("landing", sent["key"], sent["version"])


@pytest.mark.parametrize(
    ("key", "expected"),
    [(None, "p/a.csv"), ("2026/b.csv", "p/2026/b.csv"), ("p/2026/b.csv", "p/2026/b.csv")],
)
def test_key_is_below_the_prefix_unless_it_has_it(key: str | None, expected: str) -> None:
    assert key_for("p/", Path("/x/a.csv"), key) == expected


def test_key_with_several_files_is_misuse(stack: FakeStack, run_json: RunJson, files: list[str]) -> None:
    code, document = run_json("drop", "readings", *files, "--key", "x")
    assert code == 2
    assert "--key names one object" in document["error"]
    assert not landed(stack)


def test_an_unknown_dataset_uploads_nothing(stack: FakeStack, run_json: RunJson, files: list[str]) -> None:
    code, document = run_json("drop", "nothing", *files)
    assert code == 1
    assert "deployed: readings" in document["error"]
    assert not landed(stack)


def test_force_uploads_for_an_unknown_dataset(stack: FakeStack, run_json: RunJson, files: list[str]) -> None:
    code, _ = run_json("drop", "nothing", files[0], "--force")
    assert code == 0
    assert list(landed(stack)) == ["nothing/a.csv"]


def test_a_missing_file_is_misuse(run_json: RunJson) -> None:
    code, document = run_json("drop", "readings", "/does/not/exist.csv")
    assert code == 2
    assert "/does/not/exist.csv" in document["error"]


def test_text_says_what_to_do_next(run_text: RunText, files: list[str]) -> None:
    _, text = run_text("drop", "readings", *files)
    assert "readings/a.csv" in text
    assert "2 files in landing. `headrace wait`" in text


def test_an_empty_key_is_refused(stack: FakeStack, run_json: RunJson, files: list[str]) -> None:
    code, document = run_json("drop", "readings", files[0], "--key", "")
    assert code == 2
    assert "the key is empty" in document["error"]
    assert not landed(stack)


def test_a_folders_files_keep_their_paths(stack: FakeStack, run_json: RunJson, tmp_path: Path) -> None:
    stack.deploy(contract(prefix="in/"))
    for name in ("2026/01/a.csv", "2026/b.csv", "2026/.cache/x", "2026/.hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert run_json("drop", "readings", str(tmp_path / "2026"))[0] == 0
    assert set(landed(stack)) == {"in/01/a.csv", "in/b.csv"}
    (tmp_path / "empty").mkdir()
    assert "there is no file in" in run_json("drop", "readings", str(tmp_path / "empty"))[1]["error"]
    assert run_json("drop", "readings", str(tmp_path / "2026"), "--key", "x")[0] == 2


def test_too_many_files_of_a_folder_are_refused(
    stack: FakeStack, run_json: RunJson, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.deploy()
    monkeypatch.setattr("headrace_cli.commands.files.drop.MOST_FILES", 1)
    assert "has 2 files: drop folders with at most 1 each" in run_json("drop", "readings", str(tmp_path))[1]["error"]


def test_standard_input_needs_a_key(stack: FakeStack, run_json: RunJson, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.deploy(contract(prefix="in/"))
    code, document = run_json("drop", "readings", "-")
    assert (code, "standard input has no name: give --key" in document["error"]) == (2, True)
    monkeypatch.setattr("headrace_cli.commands.files.drop._from_stdin", lambda folder: _written(folder / "stdin"))
    assert run_json("drop", "readings", "-", "--key", "a.csv")[0] == 0
    assert landed(stack) == {"in/a.csv": b"piped"}


def _written(path: Path) -> Path:
    path.write_bytes(b"piped")
    return path
