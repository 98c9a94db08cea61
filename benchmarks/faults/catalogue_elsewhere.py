"""Errors of the catalogue that no file meets on its way: an export's, a notice's, a view's, and a queue's.

Each is raised where it arises, on the laptop, and then what must not be lost is looked for: the exported files, the
notice, the row of the view, the message.
"""

from __future__ import annotations

import html
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from headrace.domain.ingest.failure import Failure, Place, catalogue
from tests.e2e.conftest import Laptop

PATIENCE = 120
"""Seconds within which a notice must have been delivered and a view refreshed."""
EXPORT, ACCOUNTS = "ballots", ("ann", "bob")
TABLES = (
    "CREATE TABLE public.voters (voter VARCHAR(64))",
    (
        "CREATE TABLE public.ballots (canton VARCHAR(8), voter VARCHAR(64), n INTEGER, cast_at TIMESTAMP, day DATE,"
        " fee DECIMAL(18,8), valid BOOLEAN, remark VARCHAR(200))"
    ),
    *(f"INSERT INTO public.voters VALUES ('{account}')" for account in ACCOUNTS),
    *(f"INSERT INTO public.ballots (canton, voter, n) VALUES ('BE', '{account}', 1)" for account in ACCOUNTS),
)
SECRETS, QUEUES = "Secrets Manager", "SQS"
BY_LAMBDA = frozenset({"sqs-over-limit"})
"""Lambda itself receives from the queues of functions."""
REFUSED_POLLS = 50


@dataclass(slots=True)
class MetElsewhere:
    """What came of an error."""

    failure: Failure
    what: str
    wrong: list[str] = field(default_factory=list)


def elsewhere() -> list[Failure]:
    """The errors that are met here."""
    places = {Place.UNLOAD, Place.REFRESH}
    services = {SECRETS, QUEUES}
    return [entry for entry in catalogue() if entry.place in places or entry.service in services]


class WalkElsewhere:
    """Raises errors on a laptop, one after another."""

    def __init__(self, laptop: Laptop) -> None:
        self._laptop = laptop
        self._day = 0
        self._ready = False

    def run(self, failures: list[Failure]) -> Iterator[MetElsewhere]:
        """Each error, met."""
        for failure in failures:
            try:
                yield self._way(failure)(failure)
            finally:
                self._clear()

    def _way(self, failure: Failure) -> Callable[[Failure], MetElsewhere]:
        if failure.name in BY_LAMBDA:
            return self._poll
        services: dict[str, Callable[[Failure], MetElsewhere]] = {SECRETS: self._notice, QUEUES: self._requests}
        return services.get(failure.service) or {Place.UNLOAD: self._unload, Place.REFRESH: self._view}[failure.place]

    def _unload(self, failure: Failure) -> MetElsewhere:
        """An export's UNLOAD fails: once, if that passes, or until a person has acted."""
        met = MetElsewhere(failure, "export")
        passes = failure.treatment.passes and not failure.treatment.systemic
        date = self._next_day()
        self._ask("POST", {"catalogue": failure.name, "times": 1 if passes else 1000})
        first = self._export("run", date)
        if not passes:
            met.wrong += self._not_messages(failure, first, date)
            met.wrong += self._clear()
            first = self._export("retry", date)
        else:
            met.wrong += self._clear()
        return self._complete(met, first, date)

    def _requests(self, failure: Failure) -> MetElsewhere:
        """The queue of an export's requests refuses them: the run waits, or fails and is made again."""
        met = MetElsewhere(failure, "export")
        date = self._next_day()
        self._ask("POST", {"catalogue": failure.name, "operation": "", "caller": "ExportAdvance", "times": 1000})
        first = self._export("run", date)
        met.wrong += self._not_messages(failure, first, date)
        met.wrong += self._clear()
        return self._complete(met, self._export("retry", date), date)

    def _complete(self, met: MetElsewhere, run: Any, date: str) -> MetElsewhere:
        """Every file is there, as the manifest and the warehouse say."""
        if (run.get("status"), run.get("failed")) != ("complete", 0):
            met.wrong.append(f"the run is {run.get('status')}: {run}")
        found = self._export("verify", date)
        if (found.get("differences"), found.get("complete")) != ([], True):
            met.wrong.append(f"verify finds {found}")
        return met

    def _not_messages(self, failure: Failure, run: Any, date: str) -> Iterator[str]:
        """What is missing of what people should learn."""
        messages = [text for text in self._messages() if date in text]
        if run.get("status") == "complete":
            yield "the run is complete, although the error goes on"
        elif not any(failure.means in text and failure.remedy in text for text in messages):
            yield f"no message says cause and remedy: {messages}"

    def _notice(self, failure: Failure) -> MetElsewhere:
        """The Slack function is not given its secret once: the notice comes with Lambda's next try."""
        met = MetElsewhere(failure, "notice")
        title = f"A notice that met {failure.name}"
        self._ask("POST", {"catalogue": failure.name, "caller": "SlackFunction", "times": 1})
        self._restart("SlackFunction")
        notice = {"level": "warning", "title": title, "lines": [failure.means], "dataset": None}
        topic = self._laptop.output("NotificationTopicArn")
        self._laptop.client("sns").publish(TopicArn=topic, Message=json.dumps(notice))
        if not self._until(lambda: any(title in text for text in self._messages())):
            met.wrong.append("the notice never came")
        met.wrong += self._clear()
        return met

    def _poll(self, failure: Failure) -> MetElsewhere:
        """Lambda may not receive: the message stays in the queue however often, and its file is loaded afterwards."""
        met = MetElsewhere(failure, "queue")
        self._ask("POST", {"catalogue": failure.name, "path": "IntakeQueue", "times": 1000})
        key = f"happenings/{failure.name}.jsonl"
        self._happen(key, failure)
        if not self._until(lambda: self._ask("GET")["faults"][0]["struck"] >= REFUSED_POLLS):
            met.wrong.append(f"fewer than {REFUSED_POLLS} polls")
        queue, counts = self._laptop.output("IntakeQueueUrl"), ["ApproximateNumberOfMessages"]
        attributes = self._laptop.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=counts)
        if attributes["Attributes"][counts[0]] != "1":
            met.wrong.append(f"the queue has {attributes['Attributes']}")
        met.wrong += [*self._clear(), *self._loaded(key)]
        return met

    def _happen(self, key: str, failure: Failure) -> None:
        happened = {"event_type": failure.name, "happened_at": "2026-01-01T00:00:00Z", "payload": {}}
        self._laptop.put(key, json.dumps(happened).encode())

    def _loaded(self, key: str) -> list[str]:
        self._laptop.settle()
        status = self._laptop.trace(key)["status"]
        return [] if status == "loaded" else [f"the file is {status}"]

    def _view(self, failure: Failure) -> MetElsewhere:
        """A refresh fails: no row is lost; people learn of it if it does not pass."""
        met = MetElsewhere(failure, "view")
        self._ask("POST", {"catalogue": failure.name})
        key = f"happenings/{failure.name}.jsonl"
        self._happen(key, failure)
        met.wrong += self._loaded(key)
        messages = [text for text in self._messages() if failure.means in text]
        if len(messages) != failure.treatment.systemic or not all(
            failure.remedy in text and "is stale" in text for text in messages
        ):
            met.wrong.append(f"people read {messages}")
        met.wrong += self._clear()
        return met

    def _next_day(self) -> str:
        """A day that has not been exported yet."""
        if not self._ready:
            self._statements(*TABLES)
            self._ready = True
        self._day += 1
        return f"2026-03-{self._day:02d}"

    def _statements(self, *sqls: str) -> None:
        client, secret = self._laptop.client("redshift-data"), self._laptop.output("WarehouseSecretArn")
        for sql in sqls:
            started = client.execute_statement(WorkgroupName="headrace", Database="headrace", SecretArn=secret, Sql=sql)
            ended = client.describe_statement(Id=started["Id"], WaitTimeSeconds=30)
            if ended["Status"] != "FINISHED":
                raise SystemExit(ended.get("Error"))

    def _export(self, verb: str, date: str) -> Any:
        return self._laptop.headrace("export", verb, EXPORT, "--date", date, check=False)

    def _restart(self, function: str) -> None:
        """A new process, which reads its secret again."""
        client = self._laptop.client("lambda")
        pages = client.get_paginator("list_functions").paginate()
        names = [str(each["FunctionName"]) for page in pages for each in page["Functions"]]
        (name,) = [each for each in names if function in each]
        client.update_function_configuration(FunctionName=name, Description=f"read again at {time.time()}")

    def _messages(self) -> list[str]:
        return [html.unescape(text) for text in self._laptop.messages()]

    def _until(self, done: Callable[[], bool]) -> bool:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if done():
                return True
            time.sleep(1)
        return False

    def _clear(self) -> list[str]:
        """End the faults. What is wrong with them: an error that was never met shows nothing."""
        struck = all(fault["struck"] for fault in self._ask("GET")["faults"])
        self._ask("DELETE")
        return [] if struck else ["the fault never struck"]

    def _ask(self, method: str, *faults: dict[str, Any]) -> Any:
        body = json.dumps(faults).encode()
        request = urllib.request.Request(self._laptop.page("faults"), body, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
