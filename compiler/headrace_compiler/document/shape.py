"""Whether a document has the shape of ODCS: its keys, and the types of their values."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any

import pydantic
from open_data_contract_standard.model import OpenDataContractStandard

from headrace_compiler.document.document import Document, Problems, Where
from headrace_compiler.document.errors import ContractError

WANTED = {
    "string_type": "text: write it in quotes",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "list_type": "a list: begin each item with '- '",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
}
API_VERSIONS = ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0")
ROOT_KEYS = ("apiVersion", "kind", "id", "name", "version", "servers", "schema")


def suggestion(name: str, known: Iterable[str]) -> str:
    """A hint at what a misspelt name was meant to be; empty if nothing is near."""
    lower = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), lower, 1)
    return f": did you mean {lower[near[0]]!r}?" if near else ""


def read_shape(document: Document) -> OpenDataContractStandard:
    """The document as ODCS objects. Raises ContractErrors with everything that is not ODCS."""
    problems = Problems(document)
    for line, key in document.repeated_keys():
        problems.errors.append(ContractError(document.path, line, f"the key {key!r} is written twice"))
    _check_keys(document.data, OpenDataContractStandard, (), problems)
    _check_head(document.data, problems)
    model = _validated(document.data, problems)
    problems.raise_any()
    assert model is not None
    return model


def _validated(data: dict[str, Any], problems: Problems) -> OpenDataContractStandard | None:
    try:
        return OpenDataContractStandard.model_validate(data)
    except pydantic.ValidationError as error:
        for item in error.errors():
            if item["type"] != "extra_forbidden":
                _note(item["loc"], item["type"], item["msg"], problems)
    return None


def _note(loc: Where, kind: str, message: str, problems: Problems) -> None:
    where = tuple(step for step in loc if not _is_union_branch(step))
    name = next((step for step in reversed(where) if isinstance(step, str)), "the document")
    if "enum" in where and kind.startswith("model"):
        problems.add(where, "a value of enum is written as '- value: …'")
    elif kind in WANTED:
        problems.add(where, f"{name} must be {WANTED[kind]}")
    else:
        problems.add(where, f"{name}: {message}")


def _is_union_branch(step: str | int) -> bool:
    """Pydantic names the branch of a union that failed, which the file does not have."""
    return isinstance(step, str) and (step[:1].isupper() or step in {"str", "int", "float", "bool"} or "[" in step)


def _check_head(data: dict[str, Any], problems: Problems) -> None:
    for key in ROOT_KEYS:
        if key not in data:
            problems.add((), f"{key!r} is missing: a contract needs {', '.join(ROOT_KEYS)}")
    if "kind" in data and data["kind"] != "DataContract":
        problems.add(("kind",), "kind must be DataContract")
    if "apiVersion" in data and data["apiVersion"] not in API_VERSIONS:
        problems.add(("apiVersion",), f"apiVersion must be one of {', '.join(API_VERSIONS)}")


def _check_keys(value: Any, model: type[pydantic.BaseModel], where: Where, problems: Problems) -> None:
    """Keys that ODCS does not know, at any depth: its own reader would pass over them in silence."""
    if not isinstance(value, dict):
        return
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    for key, inner in value.items():
        here = (*where, key)
        if key not in fields:
            problems.add(here, f"ODCS has no key {key!r} here{suggestion(str(key), fields)}")
            continue
        kinds = typing.get_args(fields[key])
        if bool in kinds and str not in kinds and isinstance(inner, str):
            problems.add(here, f"{key} must be {WANTED['bool_type']}, without quotes")
        for part, place in _parts(inner, here):
            for candidate in _models(fields[key]):
                _check_keys(part, candidate, place, problems)


def _parts(value: Any, where: Where) -> Iterator[tuple[Any, Where]]:
    if isinstance(value, list):
        yield from ((item, (*where, index)) for index, item in enumerate(value))
    else:
        yield value, where


def _models(annotation: Any) -> Iterator[type[pydantic.BaseModel]]:
    """The ODCS object that a field or the items of its list may hold; none where several may stand."""
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield annotation
    elif typing.get_origin(annotation) in {typing.Union, types.UnionType, list}:
        candidates = [model for part in typing.get_args(annotation) for model in _models(part)]
        yield from candidates[:1] if len(candidates) == 1 else ()
