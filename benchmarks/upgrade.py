"""Upgrade a project on a laptop from an earlier version of Headrace to this one, with data in flight.

    .venv/bin/python -m benchmarks.upgrade [--from COMMIT]

Builds the wheel of an earlier commit and this one's, installs both, and lets the earlier one start a laptop with a new
project on it. Then one file is loaded, one is held, one has a row in quarantine, and others wait for their group, when
this version is deployed. In the end every row must be in the table exactly once, the held file can be released, the
quarantined row can be replayed, and `headrace reconcile --values` finds no difference.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace_local.state import LaptopState

ROOT = Path(__file__).resolve().parents[1]
EARLIER = "0cb1345f"
"""Of the commits that have the migrations of today, unedited, the first."""
LONGEST_WAIT = 60
"""Seconds for which the files that are under way wait for others: longer than the deployment takes to build."""
ROWS = 200
CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: urn:upgrade:sales
name: sales
version: 1.0.0
status: active
servers:
  - {server: landing, type: s3, location: "s3://{landing}/sales/", format: csv}
  - {server: warehouse, type: redshift, database: headrace, schema: public}
schema:
  - name: sales
    physicalType: table
    properties:
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: amount, logicalType: integer, physicalType: BIGINT, logicalTypeOptions: {minimum: 0}}
slaProperties:
  - {property: latency, value: 10, unit: m}
"""


@dataclass(frozen=True)
class Version:
    """An installation; `project` is where its commands are typed."""

    name: str
    command: Path
    project: Path

    def headrace(self, *arguments: str, check: bool = True) -> str:
        """Type a command; returns what it printed. Ends this program if it fails."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HEADRACE_"))}
        sam = {"HEADRACE_SAM": str(ROOT / ".venv-sam" / "bin" / "sam")}
        ended = subprocess.run(
            [str(self.command), *arguments],
            cwd=self.project,
            env=own | sam,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and ended.returncode:
            sys.exit(f"{self.name}: headrace {' '.join(arguments)}\n{ended.stdout}{ended.stderr}")
        return ended.stdout

    def rows(self, query: str) -> list[list[Any]]:
        """The answer of the warehouse."""
        found: list[list[Any]] = json.loads(self.headrace("sql", query, "--json"))["rows"]
        return found


def main() -> None:
    """Upgrade, and compare."""
    parser = argparse.ArgumentParser(prog="make upgrade", description=__doc__)
    parser.add_argument("--from", dest="earlier", default=EARLIER, help=f"the earlier commit (default: {EARLIER})")
    parser.add_argument("--record", type=Path, help="write the ledger as the earlier version left it to this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headrace-upgrade-") as scratch:
        folder = Path(scratch)
        project = folder / "project"
        old = installed("earlier", given.earlier, folder, project)
        new = installed("this", None, folder, project)
        try:
            upgrade(old, new, project, folder, given.record)
        finally:
            new.headrace("down", check=False)


def installed(name: str, commit: str | None, folder: Path, project: Path) -> Version:
    """The wheel of a commit, or of what is here, in an environment with the dependencies of this one."""
    source = ROOT
    if commit:
        source = folder / f"{name}-source"
        source.mkdir()
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", str(source)], input=archive.stdout, check=True)
    wheels = folder / f"{name}-wheel"
    copied = folder / f"{name}-copy"
    shutil.copytree(source, copied, ignore=shutil.ignore_patterns(".*", "node_modules", "build", "dist", "tests"))
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*build, str(wheels), str(copied)], check=True)
    (wheel,) = wheels.glob("*.whl")
    environment = folder / f"{name}-venv"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(install, check=True)
    (site,) = (environment / "lib").glob("python*/site-packages")
    (here,) = (ROOT / ".venv" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(str(here))
    print(f"{name}: {commit or 'this checkout'} installed", flush=True)
    return Version(name, environment / "bin" / "headrace", project)


def upgrade(old: Version, new: Version, project: Path, folder: Path, record: Path | None) -> None:
    """The story, and its end."""
    project.mkdir()
    old.headrace("init", ".")
    for path in (project / "contracts").glob("*.odcs.yaml"):
        path.unlink()
    (project / "contracts" / "sales.odcs.yaml").write_text(CONTRACT)
    settings = project / "headrace.toml"
    settings.write_text(settings.read_text().replace("# LongestWait = 5", "LongestWait = 1", 1))
    said("the earlier version starts a laptop")
    old.headrace("up")
    drop(old, folder, "first.csv", range(ROWS))
    drop(old, folder, "bad.csv", range(ROWS, 2 * ROWS), bad=2 * ROWS - 1)
    old.headrace("wait")
    drop(old, folder, "first.csv", range(ROWS // 4))  # a quarter of it: held
    old.headrace("wait", check=False)
    said(f"held: {'first.csv' in old.headrace('held')}")
    settings.write_text(settings.read_text().replace("LongestWait = 1", f"LongestWait = {LONGEST_WAIT}", 1))
    old.headrace("deploy")
    waiting = [range(number * ROWS, (number + 1) * ROWS) for number in (2, 3, 4)]
    for number, ids in enumerate(waiting):
        drop(old, folder, f"waiting-{number}.csv", ids)
    if record:
        time.sleep(3)  # the starter writes them down
        record.write_text(json.dumps(ledger_of(project), indent=1, sort_keys=True) + "\n")
    begun = time.monotonic()
    said("this version is deployed while three files wait")
    new.headrace("deploy")
    said(f"deployed in {time.monotonic() - begun:.0f} s")
    drop(new, folder, "later.csv", range(5 * ROWS, 6 * ROWS))
    new.headrace("wait", "--timeout", "280", check=False)
    expect("loaded once", new.rows("SELECT COUNT(*), COUNT(DISTINCT id) FROM public.sales"), [[6 * ROWS - 1] * 2])
    new.headrace("release", "sales/first.csv")
    new.headrace("wait", "--timeout", "280", check=False)
    left = 6 * ROWS - 1 - (ROWS - ROWS // 4)
    expect("released", new.rows("SELECT COUNT(*), COUNT(DISTINCT id) FROM public.sales"), [[left] * 2])
    contract = project / "contracts" / "sales.odcs.yaml"
    contract.write_text(contract.read_text().replace("minimum: 0", "minimum: -9"))
    new.headrace("deploy")
    new.headrace("replay", "sales")
    new.headrace("wait", "--timeout", "280", check=False)
    expect("replayed", new.rows("SELECT COUNT(*), COUNT(DISTINCT id) FROM public.sales"), [[left + 1] * 2])
    expect("as whom it reads", new.rows("SELECT COUNT(*) FROM public.sales WHERE amount < 0"), [[1]])
    print(new.headrace("status"))
    print(new.headrace("reconcile", "--grace", "0"))


def ledger_of(project: Path) -> list[dict[str, Any]]:
    """The items of the ledger, as DynamoDB has them, of the laptop that runs for a project."""
    state = LaptopState(**json.loads((project / ".headrace" / "laptop.json").read_text()))
    (stack,) = state.client("cloudformation").describe_stacks(StackName=state.stack)["Stacks"]
    table = next(item["OutputValue"] for item in stack["Outputs"] if item["OutputKey"] == "LedgerTable")
    items: list[dict[str, Any]] = state.client("dynamodb").scan(TableName=table)["Items"]
    return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


def drop(version: Version, folder: Path, name: str, ids: range, bad: int | None = None) -> None:
    """Drop a file with a row for each id; the one of the `bad` id is below the minimum."""
    rows = "".join(f"{number},{-1 if number == bad else number}\n" for number in ids)
    (folder / name).write_text(f"id,amount\n{rows}")
    version.headrace("drop", "sales", str(folder / name))


def expect(what: str, found: list[list[Any]], wanted: list[list[Any]]) -> None:
    """Print what was found; end this program if it is wrong."""
    print(f"  {what}: {found}", flush=True)
    if found != wanted:
        sys.exit(f"{what}: expected {wanted}")


def said(text: str) -> None:
    """A line of the story."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
