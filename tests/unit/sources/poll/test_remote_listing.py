"""What a location means on a server: folders by pattern, files in them, and whatever is odd about an entry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.source import Protocol
from headrace.errors import FileProblemError, UnreachableError
from headrace.sources.model.remote_file import Entry
from headrace.sources.poll import remote_listing as module
from headrace.sources.poll.remote_listing import (
    LONGEST_PATH_SHOWN,
    SAME_NAME,
    TWICE,
    UNREADABLE,
    Listing,
    RemoteListing,
    on_the_wire,
)
from tests.support.memory_server import MONDAY, ROWS, MemoryServer
from tests.support.sources import source


def served(*paths: str) -> MemoryServer:
    server = MemoryServer()
    for path in paths:
        server.put(path)
    return server


def listed(server: MemoryServer, location: str = "/*.csv", too_long: Any = lambda _: None) -> Listing:
    endpoint = source(Protocol.FTP, 21, location=location)
    return RemoteListing(endpoint, server.connect(endpoint, lambda: None), too_long).listing()


def test_a_file_is_listed_as_the_server_has_it() -> None:
    server = served("/in/a.csv")
    found = listed(server, "/in/*.csv")
    (file,) = found.files.values()
    assert (file.path, file.wire, file.size, file.modified) == ("/in/a.csv", "/in/a.csv", len(ROWS), MONDAY)
    assert (found.refused, found.more_refused, found.closed, found.more_closed) == ([], 0, {}, 0)


@pytest.mark.parametrize("hashes", [True, False])
def test_whether_the_server_computes_checksums_is_the_servers_word(hashes: bool) -> None:
    server = served("/a.csv")
    server.hashes = hashes
    assert listed(server).hashes is hashes


@pytest.mark.parametrize(
    ("location", "paths", "asked"),
    [
        ("/*.csv", {"/a.csv", "/b.txt"}, ["/"]),
        ("/in/*.csv", {"/in/c.csv"}, ["/in"]),
        ("/*/*.csv", {"/in/c.csv", "/on/d.csv"}, ["/", "/in", "/on"]),
        ("/i*/*.csv", {"/in/c.csv"}, ["/", "/in"]),
        ("/in/x?/*.csv", {"/in/x1/e.csv"}, ["/in", "/in/x1"]),
        ("/o[mn]/*.csv", {"/on/d.csv"}, ["/", "/on"]),
        ("/.b/*.csv", {"/.b/f.csv"}, ["/.b"]),
        ("/.*/*.csv", {"/.b/f.csv"}, ["/", "/.b"]),
    ],
)
def test_a_pattern_is_looked_up_folder_by_folder_and_a_name_is_not(
    location: str, paths: set[str], asked: list[str]
) -> None:
    """Names of files are chosen later: markers and checksums must be listed as well."""
    server = served("/a.csv", "/b.txt", "/in/c.csv", "/in/x1/e.csv", "/on/d.csv", "/.b/f.csv")
    assert listed(server, location).files.keys() == paths
    assert [path for verb, path in server.asked if verb == "entries"] == asked


def test_a_folder_with_a_name_that_leads_elsewhere_is_no_folder() -> None:
    server = served("/in/a.csv")
    server.extra["/"] = [Entry(name, name, is_folder=True) for name in ("..", "x/y", "a\nb")]
    assert listed(server, "/*/*.csv").files.keys() == {"/in/a.csv"}
    assert server.count("entries") == 2


def test_a_folder_that_cannot_be_listed_is_named_and_stops_no_other() -> None:
    server = served("/in/a.csv", "/on/b.csv")
    server.fails("entries", FileProblemError("550 no right"), path="/in")
    found = listed(server, "/*/*.csv")
    assert (set(found.files), found.closed) == ({"/on/b.csv"}, {"/in": "550 no right"})
    server.fails("entries", FileProblemError("550 no right"), path="/")
    assert listed(server).closed == {"/": "550 no right"}


def test_folders_that_a_pattern_is_looked_for_in_may_be_closed_too() -> None:
    server = served("/in/x/a.csv", "/on/y/b.csv")
    server.fails("entries", FileProblemError("550 no right"), path="/in")
    found = listed(server, "/*/*/*.csv")
    assert (set(found.files), found.closed) == ({"/on/y/b.csv"}, {"/in": "550 no right"})


def test_folders_and_the_two_points_are_neither_taken_nor_refused() -> None:
    server = served("/a.csv", "/in/b.csv")
    server.extra["/"] = [Entry(".", "."), Entry("..", "..")]
    found = listed(server)
    assert (set(found.files), found.refused) == ({"/a.csv"}, [])


def test_what_is_odd_about_an_entry_is_said_of_it_alone() -> None:
    server = served("/in/a.csv")
    server.extra["/in"] = [
        Entry("-rw who knows", "-rw who knows", unreadable=True), Entry("a\x07b.csv", "a\x07b.csv"),
        Entry("x/y.csv", "x/y.csv"), Entry("long.csv", "long.csv"),
    ]  # fmt: skip
    found = listed(server, "/in/*.csv", lambda path: "its path is too long" if "long" in path else None)
    assert found.files.keys() == {"/in/a.csv"}
    assert found.refused == [
        ("/in/-rw who knows", UNREADABLE),
        (r"/in/a\x07b.csv", "the name has control characters in it"),
        ("/in/x/y.csv", "the name would lead out of its folder"),
        ("/in/long.csv", "its path is too long"),
    ]


def test_an_entry_that_cannot_be_judged_is_refused_and_no_other() -> None:
    def breaks(path: str) -> str | None:
        if path == "/b.csv":
            raise OverflowError("Jane Doe")
        return None

    found = listed(served("/a.csv", "/b.csv"), too_long=breaks)
    assert (set(found.files), found.refused) == (
        {"/a.csv"}, [("/b.csv", "it could not be judged: OverflowError")],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("location", "paths"), [("/*.csv", {"/a.csv"}), ("/.*.csv", {"/a.csv", "/.b.csv"}), ("/[.]*.csv", {"/a.csv"})]
)
def test_a_hidden_file_is_listed_only_if_the_pattern_begins_with_a_point(location: str, paths: set[str]) -> None:
    found = listed(served("/a.csv", "/.b.csv"), location)
    assert (set(found.files), found.refused) == (paths, [])


# -- names -------------------------------------------------------------------------------------------------------------

COMPOSED, DECOMPOSED = "caf\u00e9.csv", "cafe\u0301.csv"


def named(*names: str, folder: str = "") -> MemoryServer:
    server = served("/a.csv")
    server.extra[folder or "/"] = [Entry(name, on_the_wire(name), size=3, modified=MONDAY) for name in names]
    server.folders.add(folder)
    return server


def test_a_path_has_one_form_and_the_server_is_asked_for_its_own() -> None:
    found = listed(named(DECOMPOSED))
    assert found.files["/" + COMPOSED].wire == "/" + on_the_wire(DECOMPOSED)
    assert on_the_wire("\u00e4") == "\u00c3\u00a4"


@pytest.mark.parametrize("third", [False, True])
def test_names_that_are_one_for_s3_are_all_refused(third: bool) -> None:
    server = named(COMPOSED, DECOMPOSED, *([COMPOSED] if third else []), folder="/in")
    if third:
        server.extra["/in"][-1] = replace(server.extra["/in"][-1], wire="caf\u00e9.csv")
    found = listed(server, "/in/*.csv")
    names = [r"/in/caf\xc3\xa9.csv", r"/in/cafe\xcc\x81.csv", *([r"/in/caf\xe9.csv"] if third else [])]
    assert (found.files, found.refused) == ({}, [(name, SAME_NAME) for name in names])


@pytest.mark.parametrize(
    ("again", "refused"),
    [({}, []), ({"size": 4}, [("/x.csv", TWICE)]), ({"modified": None}, [("/x.csv", TWICE)])],
)
def test_of_a_file_that_is_listed_twice_the_first_line_counts(again: dict[str, Any], refused: list[Any]) -> None:
    server = named("x.csv", "x.csv")
    server.extra["/"][1] = replace(server.extra["/"][1], **again)
    found = listed(server)
    assert (found.files["/x.csv"].size, found.files["/x.csv"].modified) == (3, MONDAY)
    assert found.refused == refused


# -- bounds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("most", "too_many"), [(3, True), (4, False)])
def test_of_files_there_is_a_number_that_ends_it(most: int, too_many: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all folders together, and with the entries that are refused without being kept."""
    monkeypatch.setattr(module, "MOST_FILES", most)
    monkeypatch.setattr(module, "MOST_REFUSED", 1)
    server = served("/in/a.csv", "/on/b.csv")
    server.extra["/on"] = [Entry(f"{number}\n", "x") for number in range(3)]
    if too_many:
        with pytest.raises(UnreachableError, match="its listing has more than 3 files: move or delete"):
            listed(server, "/*/*.csv")
    else:
        assert len(listed(server, "/*/*.csv").files) == 2


@pytest.mark.parametrize(("most", "too_many"), [(1, True), (2, False)])
def test_of_folders_there_is_a_number_that_ends_it(most: int, too_many: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FOLDERS", most)
    server = served("/in/a.csv", "/on/b.csv")
    if too_many:
        with pytest.raises(UnreachableError, match=r"/\*/\*.csv means more than 1 folders"):
            listed(server, "/*/*.csv")
    else:
        assert len(listed(server, "/*/*.csv").files) == 2


def test_of_what_is_refused_or_closed_the_first_are_named_and_the_others_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_REFUSED", 2)
    monkeypatch.setattr(module, "MOST_CLOSED", 2)
    found = Listing(hashes=False)
    for number in range(5):
        found.refuse("/in", str(number), "odd")
        found.close(f"/{number}", "no right")
    assert (found.refused, found.more_refused) == ([("/in/0", "odd"), ("/in/1", "odd")], 3)
    assert (found.closed, found.more_closed) == ({"/0": "no right", "/1": "no right"}, 3)


def test_of_a_path_that_is_too_long_to_show_the_ends_are_shown() -> None:
    found = Listing(hashes=False)
    found.refuse("/" + "f" * 500 + "/end", "name" + "n" * 500, "odd")
    ((shown, _),) = found.refused
    folder, _, name = shown.rpartition("/")
    assert (len(folder), folder[-4:], len(name), name[:4]) == (LONGEST_PATH_SHOWN, "/end", LONGEST_PATH_SHOWN, "name")
    found.close("/" + "f" * 500 + "/end", "no right")
    (closed,) = found.closed
    assert (len(closed), closed[-4:]) == (LONGEST_PATH_SHOWN, "/end")


def test_folders_with_endless_names_are_refused_and_not_entered() -> None:
    server = served("/in/a.csv")
    for number in range(5):
        server.put(f"/{'x' * 100_000}{number}/a.csv")
    found = listed(server, "/*/*.csv", lambda path: "too long" if len(path) > 1024 else None)
    assert list(found.files) == ["/in/a.csv"]
    assert [reason for _, reason in found.refused] == ["too long"] * 5
    assert max(len(path) for path, _ in found.refused) < 1024


def test_what_a_server_says_of_a_closed_folder_is_cut_and_so_is_its_path() -> None:
    listing = Listing(hashes=False)
    listing.close("/" + "\U0001f600" * 10_000, "the server refuses " + "\U0001f600" * 100_000)
    ((path, why),) = listing.closed.items()
    assert len(path.encode()) <= LONGEST_PATH_SHOWN
    assert len(why.encode()) <= 500
