"""The daily export from nothing: data, a run that one account spoils, its retry, and the check of every byte.

    make demo-export

Each step is a command that you can type yourself; the laptop stays up afterwards.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime

from examples.export_data import ODD_ACCOUNTS, fill
from headrace_cli.laptop import laptop
from headrace_cli.main import run as headrace
from headrace_cli.output.console import stdout
from headrace_cli.output.progress import Stages
from headrace_cli.stack.target import Target

CATEGORIES, ROWS = 20, 10
POISONED = "account 000007"
WHERE = f"category = 'category 07' AND account = '{POISONED}' AND entry = 1"
SPOIL = f"UPDATE public.account_activity SET note = '総務部' WHERE {WHERE}"
MEND = f"UPDATE public.account_activity SET note = 'soumu-bu' WHERE {WHERE}"


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration. Returns 0 when all went as it must."""
    parser = argparse.ArgumentParser(prog="make demo-export", description=__doc__)
    parser.add_argument("--accounts", type=int, default=100, help="accounts, each with a file in 20 categories")
    asked = parser.parse_args(arguments)
    os.environ.setdefault("HEADRACE_EXPORTS", "examples/exports")
    stages = Stages(4)
    laptop.start(None, stages)
    laptop.deploy(stages)
    target = laptop.laptop_target()
    with stages.stage("Filling the warehouse"):
        fill(target.services.warehouse.run, CATEGORIES, asked.accounts, ROWS)
        target.services.warehouse.run([SPOIL])
        stages.show(f"{CATEGORIES} categories x {asked.accounts} accounts")
    return _story(target)


def _story(target: Target) -> int:
    date = datetime.now(UTC).date().isoformat()
    _say(f"One note of {POISONED} cannot be written in the files' encoding. Nobody else has to suffer for that.")
    spoiled = _type("export", "run")
    _say("The rest of the day is there. The note is mended in the warehouse, and what failed is tried again.")
    target.services.warehouse.run([MEND])
    again = _type("export", "retry")
    _say("A second trigger of the same day finds nothing to do.")
    nothing = _type("export", "run")
    _say("Manifest, bucket and warehouse are compared, and every digest is computed again.")
    checked = _type("export", "verify", "--deep")
    _say("What people were told:")
    _type("notifications", "--limit", "3")
    odd = ODD_ACCOUNTS[0][0]
    key = target.export(None).key(date, "category 01", odd)
    _say(f"And the file of {odd}, at {key}:")
    answer = target.client("s3").get_object(Bucket=target.output("ExportBucket"), Key=key)
    stdout().print(answer["Body"].read().decode("cp1252"), markup=False)
    return 0 if (spoiled, again, nothing, checked) == (1, 0, 0, 0) else 1


def _say(text: str) -> None:
    stdout().print(f"\n{text}", markup=False)


def _type(*words: str) -> int:
    stdout().print(f"$ headrace {' '.join(words)}", style="bold", markup=False)
    sys.stdout.flush()
    return headrace(list(words))


if __name__ == "__main__":
    sys.exit(main())
