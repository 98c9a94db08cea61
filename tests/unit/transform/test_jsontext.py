"""The pass of RE2 calls nothing JSON that the parser refuses."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.transform.jsontext import SHALLOW, is_json, not_json, repeated_key

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def almost_json(draw: st.DrawFn) -> str:
    text = json.dumps(draw(VALUES), ensure_ascii=draw(st.booleans()))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(text)))
        extra = draw(st.sampled_from(["", *'"\\{}[],: 0-.eEnt\n\x00\x1f\x7f']))
        text = text[:place] + extra + text[place + draw(st.integers(0, 1)) :]
    return text


@given(st.lists(almost_json() | st.none(), max_size=10))
def test_agrees_with_the_parser(texts: list[str | None]) -> None:
    array = pa.array(texts, pa.string())
    assert not_json(array).to_pylist() == [text is not None and not is_json(text) for text in texts]
    matched = pc.match_substring_regex(array, SHALLOW).to_pylist()
    assert all(is_json(text) for text, sure in zip(texts, matched, strict=True) if sure and text is not None)


@pytest.mark.parametrize("text", ['{"a": {"b": [1, "x"]}}', "[]", "{}", "-0.5e+3", '"a\\"b"', "null", '[{"a":[1]},2]'])
def test_common_json_takes_the_quick_way(text: str) -> None:
    quick = pc.match_substring_regex(pa.array([text]), SHALLOW)[0].as_py()
    assert quick or text.count("[") + text.count("{") > 2
    assert is_json(text)


class Counted(str):
    """A key that bears to be compared as often as there are keys, and no more."""

    compared = 0
    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        assert Counted.compared < KEYS
        return str.__eq__(self, other)


KEYS = 200_000


def test_keys_without_number_are_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps({f"k{number}": number for number in range(KEYS)})[:-1] + ', "k7": 1}'
    pairs = json.JSONDecoder(object_pairs_hook=list).decode(line)
    monkeypatch.setattr(
        json, "loads", lambda _, object_pairs_hook: object_pairs_hook([(Counted(k), v) for k, v in pairs])
    )
    assert repeated_key(line.encode()) == "k7"
