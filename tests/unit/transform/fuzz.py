"""`make fuzz`: random rows, mutated, through the fast path and through the slow path alone; both must say the same.

Every file is made from one number that is printed with a difference: `ARGS="--replay NUMBER"` reads just that file.
"""

from __future__ import annotations

import argparse
import difflib
import secrets
import sys
from collections.abc import Iterator
from random import Random

from headrace.domain.contract import Contract

from .test_fast_path import CASES, MARKS, Cells, outcome, slow_path_only

ROWS_A_FILE = 1000
BLOCKS = (200, 5_000, 8 << 20)


def differences(rows: int, seed: int) -> Iterator[tuple[int, str]]:
    """Reads so many rows; yields the number of every file on which the paths differ, and how."""
    for number in range(seed, seed + -(-rows // ROWS_A_FILE)):
        if found := difference(number):
            yield number, found


def difference(number: int) -> str:
    """How the two paths differ on the file with this number; nothing if they agree."""
    random = Random(number)
    spec, cells = CASES[number % len(CASES)]()
    data, block_bytes = file_of(random, spec, cells), random.choice(BLOCKS)
    fast = outcome(spec, data, block_bytes)
    assert "\n" in fast, f"file {number} was refused: {fast}"
    with slow_path_only():
        slow = outcome(spec, data)
    return "\n".join(difflib.unified_diff(fast.split("\n"), slow.split("\n"), "fast", "slow", n=0, lineterm=""))


def file_of(random: Random, spec: Contract, cells: Cells) -> bytes:
    """A file of the contract, in which some bytes are not as they were."""
    delimiter, newline = spec.format.delimiter.encode(), random.choice([b"\n", b"\r\n"])
    rows = (delimiter.join(random.choice(options) for options in cells) for _ in range(ROWS_A_FILE))
    lines = [mutated(random, row) for row in rows]
    header = [delimiter.join(column.source.encode() for column in spec.columns)] if spec.format.header else []
    return newline.join(header + lines) + random.choice([b"", newline])


def mutated(random: Random, line: bytes) -> bytes:
    """The line with up to three bytes put in, taken out or replaced; half of all lines stay as they are."""
    for _ in range(random.choice([0, 0, 0, 1, 2, 3])):
        place = random.randint(0, len(line))
        line = line[:place] + random.choice([*MARKS, b""]) + line[place + random.randint(0, 1) :]
    return line


def main() -> int:
    """Runs, prints the seed, and fails if there is any difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, help="number of the first file; random unless given")
    parser.add_argument("--replay", type=int, help="the number of one file")
    options = parser.parse_args()
    if options.replay is not None:
        print(difference(options.replay) or "no difference")
        return 0
    seed = secrets.randbelow(1 << 40) if options.seed is None else options.seed
    print(f"{options.rows:,} rows over {len(CASES)} contracts, seed {seed}", flush=True)
    found = 0
    for number, text in differences(options.rows, seed):
        found += 1
        print(f"file {number}:\n{text}\n", flush=True)
    print(f"{found} files with differences")
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main())
