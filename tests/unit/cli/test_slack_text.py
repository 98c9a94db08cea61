"""Slack's markup on a terminal."""

from __future__ import annotations

import pytest

from headrace_cli.output.slack_text import as_text


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (":white_check_mark: *a title*", "✅ a title"),
        ("a * b * c", "a * b * c"),
        ("a_snake_name and _this_", "a_snake_name and this"),
        ("&lt;b&gt; &amp; `code`", "<b> & code"),
        ("no [bold]markup[/bold] of rich's", "no [bold]markup[/bold] of rich's"),
    ],
)
def test_as_slack_shows_it(message: str, shown: str) -> None:
    assert as_text(message).plain == shown


def test_bold_is_bold() -> None:
    (span,) = as_text("x *y* z").spans
    assert (span.start, span.end, span.style) == (2, 3, "bold")
