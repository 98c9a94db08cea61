"""Stories of loading: files in an order of arrival, and events in any order, searched by Hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Generic, Protocol, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import BACKFILL, LIVE, MERGE, Arrival
from headrace.usecases.recovery.backfill import backfill
from headrace.usecases.recovery.requeue import reload, retry
from tests.support.pipeline import Change, Pipeline, Row

LANES = (LIVE, BACKFILL, MERGE)
VERBS = (
    "deliver",
    "deliver",
    "deliver",
    "begin",
    "finish",
    "refuse",
    "run",
    "backfill",
    "retry",
    "reload",
    "crash after the commit",
)
EVENTS = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 9)), max_size=16)


class LoadPlan(Protocol):
    """What happens, a verb and a number each; and whether all files arrive within one second."""

    @property
    def events(self) -> Sequence[tuple[str, int]]: ...
    @property
    def same_second(self) -> bool: ...


PlanT = TypeVar("PlanT", bound=LoadPlan)


class LoadStory(Generic[PlanT]):
    """A plan as it happens. `land` puts its files there, and `check` says what must be in the table in the end."""

    def __init__(self, contract: Contract, plan: PlanT) -> None:
        self.pipeline, self.plan = Pipeline(contract), plan
        self.sent = self.land()

    def land(self) -> list[Arrival]:
        """The plan's files in the landing bucket, in their order of arrival, with no event delivered yet."""
        raise NotImplementedError

    def check(self) -> None:
        """Raises AssertionError for anything else than what must be."""
        raise NotImplementedError

    def landed(self, number: int, key: str, rows: Sequence[Row | Change]) -> Arrival:
        """One file, the plan's `number`th to arrive. Sequencers have different lengths."""
        at = f"2026-01-01T00:00:0{0 if self.plan.same_second else number}.000000Z"
        return self.pipeline.land(key, f"v{number}", [*rows], at, f"00{number:02}" + "F" * (number % 3))

    def happens(self) -> None:
        """All events, then whatever is left to be done."""
        for verb, number in self.plan.events:
            self._event(verb, number)
        self._event("backfill", 0)
        self.pipeline.run(*LANES)
        for _ in self.sent:
            self._event("retry", 0)
            self.pipeline.run(*LANES)

    def _event(self, verb: str, number: int) -> None:
        pipeline, lane = self.pipeline, LANES[number % len(LANES)]
        files = [pipeline.services.files.records.files.get(sent.file_id) for sent in self.sent]
        known = [file for file in files if file]
        match verb:
            case "deliver":
                pipeline.deliver(self.sent[number % len(self.sent)])
            case "begin":
                pipeline.begin(lane)
            case "finish":
                pipeline.finish(lane)
            case "refuse":
                pipeline.finish(lane, refused=True)
            case "crash after the commit":
                if lane in pipeline.loading:
                    pipeline.crash(lane, committed=True)
            case "run":
                pipeline.run(lane)
            case "backfill":
                backfill("readings", "readings/", pipeline.landing, pipeline.services)
            case "retry":
                retry(known, pipeline.services)
            case _:
                reload(known[number % len(known) :][:1] if known else [], pipeline.services)


def search(
    story: Callable[[Contract, PlanT], LoadStory[PlanT]],
    plans: st.SearchStrategy[PlanT],
    contract: Contract,
    most: int,
    phases: Collection[Phase] = tuple(Phase),
    always: int | None = None,
) -> None:
    """Let up to `most` plans happen. Raises AssertionError for one that ends otherwise than it must.

    With `always`, a seed, they are the same plans each time.
    """

    @settings(
        max_examples=most,
        deadline=None,
        phases=phases,
        suppress_health_check=[HealthCheck.too_slow],
        report_multiple_bugs=False,
    )
    @given(plans)
    def property_(plan: PlanT) -> None:
        tried = story(contract, plan)
        tried.happens()
        tried.check()

    seed(always)(property_)() if always is not None else property_()
