"""The pass of RE2 calls nothing JSON that the parser refuses."""

from __future__ import annotations

import json

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.transform.values.json_text import CHARACTER, SHALLOW, is_json, not_json, repeated_key, shaped, shapes_of

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


def parses(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


@given(st.lists(almost_json() | st.none(), max_size=10))
def test_agrees_with_the_parser(texts: list[str | None]) -> None:
    array = pa.array(texts, pa.string())
    assert not_json(array).to_pylist() == [text is not None and not is_json(text) for text in texts]
    matched = pc.match_substring_regex(array, SHALLOW).to_pylist()
    assert all(parses(text) for text, sure in zip(texts, matched, strict=True) if sure and text is not None)


@pytest.mark.parametrize("text", ['{"a": {"b": [1, "x"]}}', "[]", "{}", "-0.5e+3", '"a\\"b"', "null", '[{"a":[1]},2]'])
def test_common_json_takes_the_quick_way(text: str) -> None:
    quick = pc.match_substring_regex(pa.array([text]), SHALLOW)[0].as_py()
    assert quick or text.count("[") + text.count("{") > 2
    assert is_json(text)


REPEATED = [
    ('{"a": 1, "a": 2}', "a"),
    ('{"a": {"b": 1}, "c": {"b": 1, "b": 2}}', "b"),
    ('[{"a": 1}, {"a": 1, "\\u0061": 2}]', "a"),
    ('{"x": "\\u003a", "y": 1, "y": 2}', "y"),
    ("[" * 900 + '{"deep": 1, "deep": 2}' + "]" * 900, "deep"),
]


@pytest.mark.parametrize(("text", "key"), REPEATED)
def test_a_key_that_is_there_twice_is_found_at_any_depth(text: str, key: str) -> None:
    assert repeated_key(text.encode(), orjson.loads(text)) == key
    for texts in ([text], [text, None, *['{"a": 1, "b": 2}'] * 2500]):
        array = pa.chunked_array([pa.array(texts, pa.string())])
        assert not_json(array).to_pylist() == [True] + [False] * (len(texts) - 1)


@pytest.mark.parametrize(
    "text", ['{"a": {"a": 1}, "b": ["a", {"a": 1}]}', '{"a": "a: 1, a: 2"}', '"a:a"', '{"\\u003a": 1}']
)
def test_the_same_key_in_other_objects_or_texts_is_no_fault(text: str) -> None:
    assert repeated_key(text.encode(), orjson.loads(text)) is None


def test_among_keys_without_number_one_that_is_there_twice_is_found() -> None:
    line = json.dumps({f"k{number}": number for number in range(200_000)})[:-1] + ', "k7": 1}'
    assert repeated_key(line.encode(), orjson.loads(line)) == "k7"


@pytest.mark.parametrize(
    ("number", "is_long"),
    [("9" * 38, False), ("9" * 39, True), ("0." + "0" * 40 + "1", False), ("-1." + "7" * 38, True), ("1e300", False)],
)
def test_numbers_of_more_digits_than_a_decimal_has_are_not_loaded(number: str, is_long: bool) -> None:
    assert is_json(f'{{"n": [{number}]}}') is not is_long
    assert is_json(f'{{"n": "{number}"}}')


OBJECTS = st.recursive(
    st.integers(0, 9).map(str) | st.sampled_from(['"x"', "[1, 2]", "null"]),
    lambda inner: st.lists(st.tuples(st.sampled_from("abc"), inner), max_size=3).map(
        lambda members: "{" + ", ".join(f'"{key}": {value}' for key, value in members) + "}"
    ),
    max_leaves=5,
)


@given(st.lists(OBJECTS, max_size=4), st.lists(OBJECTS, min_size=1, max_size=8))
def test_the_expression_for_known_shapes_lets_no_key_through_twice(samples: list[str], texts: list[str]) -> None:
    shapes = shapes_of([sample.encode() for sample in samples])
    expression = f"^{shaped(chr(34), CHARACTER, shapes)}$"
    matched = pc.match_substring_regex(pa.array(texts), expression).to_pylist()
    assert all(is_json(text) for text, sure in zip(texts, matched, strict=True) if sure)
    known = [sample for sample in samples if shapes and is_json(sample) and shapes_of([sample.encode()])]
    assert pc.all(pc.match_substring_regex(pa.array(known, pa.string()), expression)).as_py() is not False
