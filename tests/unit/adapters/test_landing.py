"""The landing bucket's history: versions and deletions, as S3's pages give them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from headrace.adapters.landing import LandingBucket

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Client:
    """Lists versions two at a time, in S3's order: by key, the newest first, deletions among them."""

    def __init__(self, *entries: tuple[str, str, bool]) -> None:
        self.entries = entries
        self.calls = 0

    def get_paginator(self, name: str) -> Client:
        assert name == "list_object_versions"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Any:  # noqa: N803 - boto3's names
        assert Bucket == "landing"
        fitting = [entry for entry in self.entries if entry[0].startswith(Prefix)]
        for start in range(0, max(len(fitting), 1), 2):
            self.calls += 1
            page: dict[str, Any] = {"Versions": [], "DeleteMarkers": []}
            for key, version, deleted in fitting[start : start + 2]:
                item = {"Key": key, "VersionId": version, "LastModified": AT, "IsLatest": version.endswith("!")}
                page["DeleteMarkers" if deleted else "Versions"].append(item if deleted else item | {"Size": 3})
            if start + 2 < len(fitting):
                page |= {"NextKeyMarker": fitting[start + 1][0]}
            yield page


def test_deletions_are_told_from_versions() -> None:
    client = Client(("in/a", "3!", True), ("in/a", "2", False), ("in/b", "1!", False))
    found = list(LandingBucket(client, "landing").history("in/"))
    assert [(item.key, item.version, item.size, item.latest, item.deleted) for item in found] == [
        ("in/a", "2", 3, False, False), ("in/a", "3!", 0, True, True), ("in/b", "1!", 3, True, False)
    ]  # fmt: skip


def test_a_key_has_its_own_versions_over_pages_and_none_of_longer_keys() -> None:
    client = Client(*(("in/a", f"{n}", n == 2) for n in range(5)), *(("in/a.done", f"{n}", False) for n in range(9)))
    found = LandingBucket(client, "landing").histories(["in/a", "in/none"])
    assert sorted(item.version for item in found["in/a"]) == ["0", "1", "2", "3", "4"]
    assert (found["in/none"], client.calls) == ([], 4)
