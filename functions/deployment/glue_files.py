"""What a deployment puts into the lake for the Glue job. `app.py` imports it where it can answer for a failure."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from headrace.adapters.patience import patiently
from headrace.bootstrap.ingest import services
from headrace.usecases.publish_job import publish_job

PASSES_SECONDS = 120  # of the function's 300
PACKAGES = ("headrace", "headrace_contracts")


def run(event: dict[str, Any]) -> dict[str, Any]:
    """Publish the job's files under their digest, which is the resource's id.

    An update that gives the resource another id has CloudFormation delete the earlier one as soon as all else has
    succeeded, while runs of the earlier job still start: that removes nothing, a later publication does.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-update.html
    """
    if event["RequestType"] == "Delete":
        return {}
    named = event.get("PhysicalResourceId", "")
    packages = [folder_of(name) for name in PACKAGES]
    published = patiently(
        lambda: publish_job(folder_of("headrace_glue"), packages, services, named),
        new_rights=True,
        seconds=PASSES_SECONDS,
    )
    return {"PhysicalResourceId": published.folder, "Data": published.urls}


def folder_of(package: str) -> Path:
    """Where a layer has a package."""
    return Path(str(files(package)))
