"""Run the scanners and compare what they find with what is accepted: `make audit`.

checkov    the template as CloudFormation gets it, with its own warehouse
parliament every role's policies in it
bandit     the code
pip-audit  every lock, against the advisories of the package index

`audit.toml` accepts findings, each with a reason. A finding that is not accepted fails, and so does an acceptance that
nothing is found for any more. An index without advisories is said, and fails nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.resolved_template import resolved

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".venv-audit" / "bin"
SCANNED = ("layers/headrace", "compiler", "functions", "cli", "local", "scripts")
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
LONGEST_SECONDS = 600


class AuditError(Exception):
    """A scanner did not run; nothing can be said of its part."""


@dataclass(frozen=True, order=True)
class Finding:
    """What a tool found: its rule, the resource or file, and a sentence."""

    tool: str
    rule: str
    where: str
    detail: str = ""


@dataclass(frozen=True)
class Acceptance:
    """Findings of one rule that stay as they are; `where` is a resource, a file, or the beginning of a path with /."""

    tool: str
    rule: str
    where: tuple[str, ...]
    reason: str

    def covers(self, finding: Finding) -> str | None:
        """The place that accepts the finding, or None."""
        if (self.tool, self.rule) != (finding.tool, finding.rule):
            return None
        return next((place for place in self.where if matches(place, finding.where)), None)


def matches(place: str, where: str) -> bool:
    """Whether a finding's place is meant; `*` is every one."""
    return place in {"*", where} or (place.endswith("/") and where.startswith(place))


def accepted(text: str) -> list[Acceptance]:
    """The acceptances in `audit.toml`. Raises AuditError for one without a reason or place."""
    made = [
        Acceptance(each["tool"], each["rule"], tuple(each.get("where", ())), each.get("reason", "").strip())
        for each in tomllib.loads(text).get("accepted", [])
    ]
    for each in made:
        if not each.where or len(each.reason) < 20:
            raise AuditError(f"audit.toml: {each.tool} {each.rule} needs `where` and a `reason` in a sentence")
    return made


def judged(findings: list[Finding], acceptances: list[Acceptance]) -> tuple[list[Finding], list[str]]:
    """The findings that nobody accepts, and the acceptances, place by place, that cover none."""
    used: set[tuple[Acceptance, str]] = set()
    refused = []
    for finding in findings:
        covering = [(each, place) for each in acceptances if (place := each.covers(finding))]
        used.update(covering)
        if not covering:
            refused.append(finding)
    stale = [
        f"{each.tool} {each.rule} {place}" for each in acceptances for place in each.where if (each, place) not in used
    ]
    return sorted(refused), stale


def checkov() -> Iterator[Finding]:
    """Findings in the resolved template."""
    with tempfile.TemporaryDirectory(prefix="headrace-audit-") as folder:
        path = Path(folder, "template.json")
        path.write_text(json.dumps(resolved()), "utf-8")
        options = ["--framework", "cloudformation", "--compact", "--quiet", "--skip-download", "--output", "json"]
        report = read_json("checkov", "--file", str(path), *options)
    for failed in report["results"]["failed_checks"]:
        where = failed["resource"].rpartition(".")[2]
        yield Finding("checkov", failed["check_id"], where, failed["check_name"])


def parliament() -> Iterator[Finding]:
    """Findings in the policies of the resolved template's roles."""
    documents = {
        f"{name}/{number}": document
        for name, resource in resolved()["Resources"].items()
        for number, document in enumerate(policies(resource))
    }
    lint = str(ROOT / "scripts" / "lint_policies.py")
    for each in read_json("python", lint, given=json.dumps(documents)):
        yield Finding("parliament", each["rule"], each["where"].partition("/")[0], each["detail"])


def policies(resource: dict[str, Any]) -> list[Any]:
    """The documents that say what a role may do."""
    properties = resource.get("Properties", {})
    if resource["Type"] == "AWS::IAM::ManagedPolicy":
        return [properties["PolicyDocument"]]
    return [each["PolicyDocument"] for each in properties.get("Policies", []) if resource["Type"] == "AWS::IAM::Role"]


def bandit() -> Iterator[Finding]:
    """Findings in the code."""
    report = read_json("bandit", "--quiet", "--recursive", *SCANNED, "--format", "json")
    if report["errors"]:
        raise AuditError(f"bandit could not read {report['errors'][0]}")
    for each in report["results"]:
        detail = f"line {each['line_number']}: {each['issue_text']}"
        yield Finding("bandit", each["test_id"], each["filename"].removeprefix("./"), detail)


def pip_audit() -> Iterator[Finding]:
    """Known faults of what the locks name; an index without advisories is reported."""
    for lock in LOCKS:
        options = ["--disable-pip", "--no-deps", "--progress-spinner", "off", "--format", "json"]
        report = read_json("pip-audit", "--requirement", lock, *options, silent=True)
        skipped = sum("skip_reason" in each for each in report["dependencies"])
        if skipped:
            print(f"pip-audit: the package index has no advisories for {skipped} of the packages in {lock}")
        for each in report["dependencies"]:
            for fault in each.get("vulns", []):
                detail = (
                    f"{each['name']} {each['version']}, repaired in {', '.join(fault['fix_versions']) or 'no release'}"
                )
                yield Finding("pip-audit", fault["id"], each["name"], detail)


def read_json(tool: str, *arguments: str, given: str | None = None, silent: bool = False) -> Any:
    """What a tool prints, whatever its exit code. Raises AuditError when that is no JSON."""
    ended = subprocess.run(  # noqa: S603 - tools of the project's own environment, with arguments made here
        [str(TOOLS / tool), *arguments],
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    try:
        return json.loads(ended.stdout)
    except ValueError:
        if silent:
            print(f"{tool}: {ended.stderr.strip().splitlines()[-1]}")
            return {"dependencies": []}
        raise AuditError(f"{tool} did not run: {ended.stderr.strip()[-2000:]}") from None


SCANNERS: tuple[Callable[[], Iterator[Finding]], ...] = (checkov, parliament, bandit, pip_audit)


def main() -> int:
    """Run all; 1 when something was found that is not accepted, or accepted that is not found."""
    try:
        acceptances = accepted((ROOT / "audit.toml").read_text("utf-8"))
        findings = [finding for scanner in SCANNERS for finding in scanner()]
    except AuditError as error:
        print(error, file=sys.stderr)
        return 1
    refused, stale = judged(findings, acceptances)
    for tool, found in sorted(Counter(finding.tool for finding in findings).items()):
        new = sum(finding.tool == tool for finding in refused)
        print(f"{tool}: {found} findings, {found - new} accepted with a reason, {new} not")
    for finding in refused:
        print(f"  {finding.tool} {finding.rule} {finding.where}: {finding.detail}")
    for place in stale:
        print(f"  audit.toml accepts what is not found any more: {place}")
    return 1 if refused or stale else 0


if __name__ == "__main__":
    sys.exit(main())
