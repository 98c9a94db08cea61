"""The template as the tests read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cfnlint.decode.cfn_yaml  # type: ignore[import-untyped]  # the one reader of its short forms that is here

TEMPLATE: dict[str, Any] = cfnlint.decode.cfn_yaml.load(str(Path(__file__).parents[1] / "template.yaml"))
