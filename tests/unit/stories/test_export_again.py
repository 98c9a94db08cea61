"""A day of an export is asked for again after its work has expired; names and numbers have bounds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from headrace.exports.adapters.run_queue import MOST_LOOKS, take_dead_letters
from headrace.exports.model.run import CategoryState, Request, RunStatus, UnloadStatus
from headrace.exports.steps import plan
from headrace.exports.steps.advance import advance
from headrace.exports.steps.plan import MESSAGE_BYTES
from headrace.exports.steps.trigger import Wanted, WrongOrderError, due, wanted_of
from tests.support.export_fakes import MemoryExportServices
from tests.unit.stories.test_export_protocol import DATE, POISON, World, rows


def incomplete() -> World:
    """One account of one category has failed."""
    given = rows()
    given["c1", "a2"] = ["good", POISON]
    world = World(given)
    world.trigger()
    assert world.run() is RunStatus.INCOMPLETE
    given["c1", "a2"] = ["good", "mended"]
    return world


def expire(world: World, *ends: str) -> None:
    """Of the work in the lake: all of it, or what ends so."""
    for key in list(world.services.lake.objects):
        if not ends or key.endswith(ends):
            del world.services.lake.objects[key]


def test_a_day_is_retried_after_its_work_has_expired() -> None:
    world = incomplete()
    before = dict(world.services.bucket.written)
    expire(world)
    world.trigger()
    assert world.run() is RunStatus.COMPLETE
    world.assert_complete(world.services.unloader._rows)
    again = {key for key, number in world.services.bucket.written.items() if number != before.get(key)}
    assert again == {f"notes/{DATE}/c1/a2.csv"}


def test_accounts_that_have_come_since_and_those_that_have_gone() -> None:
    """The new one gets its files, those of the one that has gone stay in the manifest."""
    world = incomplete()
    given = world.services.unloader._rows
    for category in ("c0", "c1", "c2"):
        given[category, "new"] = [f"new in {category}"]
        del given[category, "a5"]
    expire(world)
    world.trigger()
    assert world.run() is RunStatus.COMPLETE
    manifest = json.loads(world.services.bucket.objects[f"notes/{DATE}/manifest.json"])
    names = {item["account"] for item in manifest["files"]}
    assert {"new", "a5"} <= names
    assert len(manifest["files"]) == 3 * 10
    assert world.services.bucket.objects[f"notes/{DATE}/c2/new.csv"] == b"note\r\nnew in c2\r\n"


@pytest.mark.parametrize("ends", [("manifest",), (".parquet",), ("manifest", ".parquet")])
@pytest.mark.parametrize("expired", ["the plan", "the plan stays"])
def test_a_run_that_stopped_half_way_goes_on_after_its_unload_has_expired(ends: tuple[str, ...], expired: str) -> None:
    """Its requests are lost as well: no account has failed, and yet most are missing."""
    world = World(rows())
    world.trigger()
    world._look()
    run = world.services.exports._runs["notes", DATE]
    assert any(state.status is UnloadStatus.UNLOADED for state in world.services.exports.categories("notes", DATE))
    world.services.exports.end_run(replace(run, status=RunStatus.INCOMPLETE))
    world.services.requests.waiting.clear()
    expire(world, *(ends + ((".json",) if expired == "the plan" else ())))
    world.trigger()
    assert world.run() is RunStatus.COMPLETE
    world.assert_complete(rows())


def test_a_category_without_rows_has_those_that_came_until_the_retry() -> None:
    given = rows(categories=1)
    given["empty", "a0"] = []
    given["c0", "a2"] = [POISON]
    world = World(given)
    world.trigger(category="c0")
    assert world.run() is RunStatus.INCOMPLETE
    given["empty", "a0"] = ["late"]
    given["c0", "a2"] = ["mended"]
    world.trigger()
    assert world.run() is RunStatus.COMPLETE
    assert world.services.bucket.objects[f"notes/{DATE}/empty/a0.csv"] == b"note\r\nlate\r\n"


# -- names and numbers ---------------------------------------------------------------------------------------------


def test_an_account_and_a_category_with_too_long_names_fail_and_no_other_does() -> None:
    given = rows(categories=1)
    given["c0", "x" * 60_000] = ["a"]
    given["ü" * 1_000, "a0"] = ["a"]
    world = World(given)
    world.trigger()
    assert world.run() is RunStatus.INCOMPLETE
    tally = world.services.exports.tallies("notes", DATE)["c0"]
    assert (tally.done, list(tally.failures)) == (9, ["x" * 60_000])
    assert "S3 takes 1024" in tally.failures["x" * 60_000]
    (failed,) = [
        state for state in world.services.exports.categories("notes", DATE) if state.status is UnloadStatus.FAILED
    ]
    assert "S3 takes 1024" in failed.reason
    assert len(json.dumps(world.told[0])) < 250_000


def test_messages_are_packed_by_bytes() -> None:
    services = MemoryExportServices(rows())
    accounts = [f"{number:03}" + "ü" * 900 for number in range(200)]
    state = CategoryState("c0", UnloadStatus.UNLOADED, "f/")
    run = replace(_run(), parts=1)
    made, _ = plan.requests(run, state, accounts, services)
    assert [account for request in made for account in request.accounts] == accounts
    assert len(made) > 5
    assert max(len(json.dumps(request.to_json())) for request in made) <= MESSAGE_BYTES
    few, _ = plan.requests(run, state, accounts[:20], services)
    assert len(few) == 1


def _run() -> Any:
    world = World(rows())
    world.trigger()
    return world.services.exports._runs["notes", DATE]


def test_more_categories_than_a_run_can_have_end_it_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MOST_CATEGORIES", 2)
    world = World(rows())
    world.trigger()
    with pytest.raises(plan.TooManyError, match="has 3 categories: no more than 2 are exported"):
        advance("notes", DATE, 1, world.services)


# -- what comes over the bus ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ({"export": "nots"}, "there is no export 'nots': there are notes"),
        ({"export": ""}, "there is no export ''"),
        ({"export": ["notes"]}, "export must be a text, one only"),
        ({"date": "2026-1-31"}, "'2026-1-31' is no date: it is written as 2026-01-31"),
        ({"date": "2026-02-30"}, "is no date"),
        ({"date": "x/y"}, "is no date"),
        ({"date": ""}, "is no date"),
        ({"date": "２０２６-01-31"}, "is no date"),  # noqa: RUF001
        ({"date": "2026-01-31\n"}, "is no date"),
        ({"date": "20260131"}, "is no date"),
        ({"date": 20260131}, "date must be a text"),
        ({"date": "9" * 200_000}, "date has more than 1,024 bytes"),
        ({"date": "9" * 1_000}, "is no date"),
        ({"account": ["a", "b"]}, "account must be a text, one only"),
        ({"account": "a" * 1025}, "account has more than 1,024 bytes"),
        ({"category": "ü" * 513}, "category has more than 1,024 bytes"),
        ({"categories": "a"}, "there is no field 'categories': there are export, date, category, account, again"),
        ({"again": "yes"}, "again can only be 'all'"),
        ({"again": "all", "account": "a"}, "again is for the whole day: leave out category and account"),
        ({"x" * 100_000: "a"}, "there is no field 'xxx"),
        (["notes"], "the detail must be an object"),
        ("notes", "the detail must be an object"),
    ],
)
def test_a_wrong_event_is_refused_with_a_short_sentence(detail: Any, reason: str) -> None:
    with pytest.raises(WrongOrderError) as refused:
        wanted_of(detail, ["notes"], DATE)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 300
    services = MemoryExportServices(rows())
    assert due(detail, services) == f"refused: {refused.value}"
    assert services.topic.published[0].lines == (str(refused.value),)


@pytest.mark.parametrize(
    ("detail", "wanted"),
    [
        ({"date": DATE}, Wanted(DATE)),
        ({"date": DATE, "export": None}, Wanted(DATE)),
        ({"date": DATE, "again": "all"}, Wanted(DATE, again=True)),
        (
            {"date": DATE, "export": "notes", "category": "", "account": "ü" * 512},
            Wanted(DATE, "notes", "", "ü" * 512),
        ),
    ],
)
def test_a_right_event_is_read(detail: dict[str, Any], wanted: Wanted) -> None:
    assert wanted_of(detail, ["notes"], DATE) == wanted


def test_without_a_date_it_is_today() -> None:
    assert len(wanted_of({}, [], DATE).date) == 10


# -- dead letters --------------------------------------------------------------------------------------------------


class Letters:
    """A queue that brings its letters again and again, ten at a time, as SQS does where they are not hidden."""

    def __init__(self, *bodies: str) -> None:
        self.bodies = dict(enumerate(bodies))
        self.next = 0
        self.looks = 0

    def receive_message(self, **_: Any) -> dict[str, Any]:
        self.looks += 1
        names = sorted(self.bodies, key=lambda name: (name < self.next, name))[:10]
        self.next = (names[-1] + 1) if names else 0
        return {
            "Messages": [
                {"MessageId": str(name), "ReceiptHandle": str(name), "Body": self.bodies[name]} for name in names
            ]
        }

    def delete_message(self, ReceiptHandle: str, **_: Any) -> None:  # noqa: N803 - boto3's name
        del self.bodies[int(ReceiptHandle)]


def letter(export: str) -> str:
    return json.dumps(Request(export, DATE, "c", 0, ("a",), ()).to_json())


def test_dead_letters_of_other_runs_come_again_and_do_not_hold_it_up() -> None:
    letters = Letters(*[letter("notes" if number % 3 else "others") for number in range(90)], "no request", "[]")
    assert take_dead_letters(letters, "url", "notes", DATE) == 60
    assert len(letters.bodies) == 32
    assert letters.looks < 20


def test_looks_for_dead_letters_have_an_end() -> None:
    class Endless(Letters):
        def receive_message(self, **_: Any) -> dict[str, Any]:
            self.looks += 1
            return {"Messages": [{"MessageId": str(self.looks), "ReceiptHandle": "0", "Body": letter("others")}]}

    letters = Endless()
    assert take_dead_letters(letters, "url", "notes", DATE) == 0
    assert letters.looks == MOST_LOOKS


def complete() -> World:
    world = World(rows())
    world.trigger()
    assert world.run() is RunStatus.COMPLETE
    return world


@pytest.mark.parametrize("kill_at", range(0, 60, 4))
def test_a_complete_day_is_exported_again_when_rows_came_late(kill_at: int) -> None:
    world = complete()
    given = world.services.unloader._rows
    before = world.told[-1]["event"]["manifest_sha256"]
    given["c1", "a2"].append("late")
    given["c1", "new"] = ["new in c1"]
    given["c0", "new"], given["c2", "new"] = [], []
    world.trigger()
    assert world.run() is RunStatus.COMPLETE
    assert len(list(world.services.exports.files("notes", DATE))) == 27  # asked for as ever: nothing is missing
    world.hand.at = world.hand.calls + kill_at if kill_at else 0
    world.trigger(again=True)
    assert world.run() is RunStatus.COMPLETE
    world.assert_complete(given)
    assert world.told[-1]["event"]["manifest_sha256"] != before


def test_a_day_that_is_not_complete_is_completed_not_begun_anew() -> None:
    world = incomplete()
    before = dict(world.services.bucket.written)
    world.trigger(again=True)
    assert world.run() is RunStatus.COMPLETE
    again = {key for key, number in world.services.bucket.written.items() if number != before.get(key)}
    assert again == {f"notes/{DATE}/c1/a2.csv"}
