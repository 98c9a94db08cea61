"""What the layers were built for, as `scripts/build_layer.py` wrote it into each, and what a function runs on."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

MARKS = "headrace_build"
"""The folder of the marks beside the package; a file for each layer, since Lambda lays the layers over each other."""


class WrongBuild(ImportError):  # noqa: N818 - read by people, in the reason of a deployment that failed
    """A layer was built for another runtime or architecture than the function's."""


def check_layers() -> None:
    """Compare every layer's mark with this Python. Raises WrongBuild; without marks, as in a checkout, does nothing."""
    for folder in sys.path:
        for mark in sorted(Path(folder, MARKS).glob("*.json")):
            built = json.loads(mark.read_text("utf-8"))
            if (built["runtime"], built["architecture"]) != (runtime(), architecture()):
                raise WrongBuild(_difference(mark.stem, built["runtime"], built["architecture"]))
            if built.get("native") and on_aws():
                raise WrongBuild(
                    f"the layer {mark.stem} was built for the laptop, with HEADRACE_ARCH=native: without the Glue job's"
                    f" wheels, and for another machine's libraries. Build again with HEADRACE_ARCH={architecture()}"
                )


def _difference(layer: str, built_runtime: str, built_architecture: str) -> str:
    return (
        f"the layer {layer} was built for {built_runtime} on {built_architecture}, the functions run {runtime()} on"
        f" {architecture()}. Build again with HEADRACE_RUNTIME={runtime()} HEADRACE_ARCH={architecture()}, or deploy"
        f" with Runtime={built_runtime} Architecture={built_architecture}"
    )


def on_aws() -> bool:
    """Whether this is a function on AWS: the laptop's have its endpoint."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ and "AWS_ENDPOINT_URL" not in os.environ


def runtime() -> str:
    """The Lambda runtime that this Python is, such as python3.13."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def architecture() -> str:
    """The Lambda architecture that this machine is: x86_64 or arm64."""
    return "arm64" if os.uname().machine in {"aarch64", "arm64"} else "x86_64"
