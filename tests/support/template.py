"""The template as the tests read it."""

from __future__ import annotations

from typing import Any

from scripts.resolved_template import plain_template

TEMPLATE: dict[str, Any] = plain_template()
