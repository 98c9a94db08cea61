"""Write the list of known errors into docs/operations.md: `.venv/bin/python -m scripts.list_errors`.

The list is made of the catalogue, `layers/headrace/headrace/domain/ingest/failures.toml`; a test holds the page to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headrace.domain.ingest.failure import Failure, Place, Treatment, catalogue

PAGE = Path(__file__).resolve().parents[1] / "docs" / "operations.md"
BEGIN = "<!-- the errors: written by scripts/list_errors.py -->\n"
END = "<!-- the end of the errors -->\n"
LONGEST = 150
SYMPTOMS = {
    "contention": "Another transaction was in the way",
    "restart": "The warehouse was restarted, or the load was cancelled",
    "full": "Something is used up",
    "data": "The data of a file are refused",
    "size": "A batch is too large",
    "lake": "COPY cannot read the lake",
    "changed": "The warehouse is not as the contract wants it",
    "api": "The Data API refuses a call",
    "function": "A function does not run, or does not end",
    "workflow": "A step of the workflow fails",
    "services": "The ledger, S3, keys and rights",
    "notices": "Notices, events and secrets",
    "views": "A view is stale",
    "exports": "An export fails",
    "headrace": "Headrace stops by itself",
}
DONE = {
    Treatment.AGAIN: "tries it again at once, then waits",
    Treatment.WAIT: "waits",
    Treatment.HOLD: "waits; new files wait too",
    Treatment.PERSON: "waits for you",
    Treatment.BATCH: "splits the batch",
    Treatment.FILE: "splits it, fails the file",
    Treatment.ISOLATE: "tries three times, then splits",
}


def listing() -> str:
    """The whole list as Markdown, a table for each symptom."""
    return "\n".join(line for symptom, title in SYMPTOMS.items() for line in _table(symptom, title))


def listed(page: str) -> str:
    """The page with the list in its place."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + listing() + END + rest.partition(END)[2]


def _table(symptom: str, title: str) -> Iterator[str]:
    yield from (f"**{title}**", "", "| error | means | Headrace | you |", "|---|---|---|---|")
    yield from (_row(failure) for failure in catalogue() if failure.symptom == symptom)
    yield ""


def _row(failure: Failure) -> str:
    text = failure.text if len(failure.text) <= LONGEST else failure.text[: LONGEST - 1] + "…"
    told = f"`{text}` ([{failure.known}]({failure.source}))"
    cells = (told, failure.means, _done(failure), failure.remedy)
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _done(failure: Failure) -> str:
    if failure.place is Place.REFRESH:
        return "says so; the rows are loaded"
    if failure.place is Place.UNLOAD:
        return "tries it again" if failure.treatment.passes and not failure.treatment.systemic else "fails the category"
    return DONE[failure.treatment]


if __name__ == "__main__":
    PAGE.write_text(listed(PAGE.read_text()))
