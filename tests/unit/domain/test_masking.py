"""Which words of an error may be shown: those that errors are made of, and none that a row may have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.masking import LEFT_OUT, masked, without_quotes, words_of

WORDS = {"value", "too", "long", "for", "type", "the", "error", "line"}


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("value 'Jane' is wrong", "value '…' is wrong"), ('column "name" is', "column '…' is"),
        ("it's Jane's own", "it's Jane's own"), ("'it''s' one", "'…''…' one"), ("'open to the end", "'…'"),
        ("no quotes", "no quotes"), (r"'a \' b' c", "'…' c"),
    ],
)  # fmt: skip
def test_nothing_between_quotation_marks_stays(text: str, bare: str) -> None:
    assert without_quotes(text) == bare


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Value too long", {"value", "too", "long"}),
        (
            "invalid byte sequence for encoding UTF8: 0xc3 0x28",
            {"invalid", "byte", "sequence", "for", "encoding", "utf8"},
        ),
        ("c3 at 28", {"at"}),
        ("code 8001 line 12", {"line"}),
        ("a b2 c34 d567", {"a", "d567"}),
    ],
)
def test_words_with_digits_are_words_from_four_signs_on_and_numbers_are_none(text: str, words: set[str]) -> None:
    """`UTF8` is a word, `c3` and `28` are bytes of a value."""
    assert words_of(text, quotes=False) >= words
    assert not {"c3", "28", "12", "b2", "c34", "0xc3"} & words_of(text, quotes=False)


def test_after_context_there_are_values_where_an_error_quotes_rows() -> None:
    text = "Invalid digit context: Jane Doe"
    assert words_of(text, quotes=True) == {"invalid", "digit", "context"}
    assert words_of(text, quotes=False) >= {"jane", "doe"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("value too long for type", "value too long for type"),
        ("value Jane too long", f"value … too long{LEFT_OUT}"),
        ("value 'Jane' too long", f"value '…' too long{LEFT_OUT}"),
        ("LoadRefused: value Jane Doe too long", f"LoadRefused: value … too long{LEFT_OUT}"),
        ("Jane Doe: value", f"…: value{LEFT_OUT}"),
        ("error code: 8001 line", "error code: 8001 line"),
        ("value context: Jane, Doe", f"value …{LEFT_OUT}"),
    ],
)
def test_what_is_no_word_of_an_error_is_left_out_and_that_is_said(text: str, shown: str) -> None:
    assert masked(text, WORDS) == shown


@given(st.text(), st.text("JQXZ", min_size=1, max_size=12))
def test_no_name_of_a_row_is_shown_and_doing_it_again_changes_nothing(text: str, name: str) -> None:
    shown = masked(f"value {name} {text}", WORDS)
    assert name not in shown.removesuffix(LEFT_OUT)
    assert masked(shown, WORDS) == shown
