"""Make all locks: `make lock` (needs a package index).

requirements.lock      everything for `.venv`, from pyproject.toml
requirements-sam.lock  the SAM CLI for `.venv-sam`; it needs another boto3 than the emulator
requirements-glue.lock  Spark, a Java for it, and what the transform needs, for `.venv-glue`
requirements-audit.lock  the scanners for `.venv-audit`, which need old releases of much else
layers/*/requirements.txt  the part of requirements.lock that a layer installs
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Set as AbstractSet
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAM_CLI = "aws-sam-cli==1.170.0"
SCANNERS = "bandit\ncheckov\nparliament\npip-audit\nsetuptools<81\n"  # parliament imports pkg_resources
SPARK = "pyspark>=3.5,<3.6\njdk4py>=17,<18\n"  # as in Glue 5: Spark 3.5 on Java 17
LAYERS = {
    "headrace": ("aws-lambda-powertools", "botocore", "s3transfer"),
    "sources": ("asyncssh", "tzdata"),
    "transform": ("google-re2", "orjson", "pyarrow", "tzdata"),
    "lake": ("awswrangler", "boto3"),
}
BESIDE = {"lake": ("headrace", "transform")}
"""Layers that whatever has this one has too: what they carry is left out of it."""
HEADER = "# Made from requirements.lock by `make lock`; do not edit.\n"


def main() -> None:
    """Resolve again and write every lock."""
    compile_lock(["pyproject.toml", "--extra", "dev"], "requirements.lock")
    compile_lock(["-"], "requirements-sam.lock", given=SAM_CLI)
    compile_lock(["-"], "requirements-audit.lock", given=SCANNERS)
    glue = SPARK + "".join(f"{name}\n" for layer in ("headrace", "transform") for name in LAYERS[layer])
    compile_lock(["-", "--constraint", "requirements.lock"], "requirements-glue.lock", given=glue)
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    for layer, roots in LAYERS.items():
        text = layer_requirements(lock, roots, carried_beside(lock, layer))
        (ROOT / "layers" / layer / "requirements.txt").write_text(text, "utf-8")


def compile_lock(sources: list[str], output: str, given: str = "") -> None:
    """Let uv resolve `sources` for every platform and Python >= 3.11, with hashes."""
    command = [sys.executable, "-m", "uv", "pip", "compile", *sources, "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--quiet", "--output-file", output]
    subprocess.run(command, input=given, text=True, check=True, cwd=ROOT)  # noqa: S603 - uv, with arguments made here


def layer_requirements(lock: str, roots: tuple[str, ...], carried: AbstractSet[str] = frozenset()) -> str:
    """The blocks of `lock` that `roots` need, without what is `carried` already, as a requirements file with hashes."""
    wanted = needed(lock, roots) - carried
    blocks = sorted(block for block in requirement_blocks(lock) if name_of(block) in wanted)
    return HEADER + "".join(map(without_comments, blocks))


def carried_beside(lock: str, layer: str) -> set[str]:
    """The names of what the layers carry that are always beside a layer."""
    return needed(lock, tuple(name for beside in BESIDE.get(layer, ()) for name in LAYERS[beside]))


def needed(lock: str, roots: tuple[str, ...]) -> set[str]:
    """The names of what `roots` need, themselves included."""
    blocks = requirement_blocks(lock)
    wanted = set(roots)
    while more := {name_of(block) for block in blocks if needed_by(block) & wanted} - wanted:
        wanted |= more
    return wanted


def requirement_blocks(lock: str) -> list[str]:
    """A block for each requirement: its line, its hashes, and the comment that says who needs it."""
    return re.findall(r"^[a-z0-9].*\n(?:[ \t].*\n)*", lock, flags=re.MULTILINE)


def name_of(block: str) -> str:
    """The requirement's name."""
    return block.split("==", maxsplit=1)[0]


def needed_by(block: str) -> set[str]:
    """The packages that need this one, from uv's `# via` comment."""
    comments = re.findall(r"^ +# +(?:via )?(\S+)", block, flags=re.MULTILINE)
    return set(comments) - {"via"}


def without_comments(block: str) -> str:
    """The requirement and its hashes alone."""
    lines = [line for line in block.splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
