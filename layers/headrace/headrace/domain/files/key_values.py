"""Values that stand in an object's key: in its folders, in its name, or the name and the key themselves.

A template is a text with fields in braces: `dt={dt}` for a folder, `{meter}_*.csv` for a name. A field takes at least
one character, up to where the text after it stands first; the last one takes the rest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Container, Sequence
from functools import lru_cache

from headrace.domain.files.names import one_form

FOLDERS, NAME, KEY = "folders", "name", "key"
"""Where a column's value stands: in the templates of folders or names; or it is the whole name, or the whole key."""
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
"""How Hive and Spark write a partition without a value
(https://github.com/apache/hive/blob/master/common/src/java/org/apache/hadoop/hive/conf/HiveConf.java)."""
PLACE = re.compile(r"(\*|\{[^{}]*\})")
ANYTHING = "*"
ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
Values = dict[str, str | None]


def fields_of(template: str) -> list[str]:
    """The fields in braces, in order."""
    return [place[1:-1] for place in PLACE.split(template)[1::2] if place != ANYTHING]


def as_pattern(template: str) -> str:
    """The pattern of names that a template means: any text in the place of a field."""
    return PLACE.sub(ANYTHING, template)


def fitted(template: str, text: str) -> dict[str, str] | None:
    """The fields' values in a text; None for one that the template does not fit."""
    literals, places = _places(template)
    if not text.startswith(literals[0]):
        return None
    found: dict[str, str] = {}
    start, last = len(literals[0]), len(places) - 1
    for number, place in enumerate(places):
        after = literals[number + 1]
        least = start + (place != ANYTHING)
        end = text.find(after, least) if number < last else len(text) - len(after)
        if end < least or not text.startswith(after, end):
            return None
        if place != ANYTHING:
            found[place[1:-1]] = text[start:end]
        start = end + len(after)
    return found if start == len(text) else None


@lru_cache(maxsize=256)
def _places(template: str) -> tuple[list[str], list[str]]:
    parts = PLACE.split(template)
    return parts[::2], parts[1::2]


def folder_values(templates: Sequence[str], below: str) -> Values | None:
    """The values in the folders of a path below a dataset's; None where they are not as the templates say.

    There may be more folders behind those of the templates.
    """
    folders = below.split("/")[:-1]
    if len(folders) < len(templates):
        return None
    found: Values = {}
    for template, folder in zip(templates, folders, strict=False):
        values = fitted(template, folder)
        if values is None:
            return None
        found |= {field: _unescaped(value) for field, value in values.items()}
    return found


def name_values(templates: Sequence[str], name: str) -> Values:
    """The values in a name, by the first template that it fits; fields that it lacks have none."""
    found: Values = dict.fromkeys(field for template in templates for field in fields_of(template))
    fitting = (values for template in templates if (values := fitted(one_form(template), one_form(name))) is not None)
    return found | next(fitting, {})


def _unescaped(value: str) -> str | None:
    """A value as it was before it became a folder's name: Hive and Spark write a sign that a path cannot have as `%3A`.

    What is not two hexadecimal digits stays as it is, as in Spark's `unescapePathName`
    (https://github.com/apache/spark/blob/master/sql/catalyst/src/main/scala/org/apache/spark/sql/catalyst/catalog/ExternalCatalogUtils.scala).
    Hive escapes ASCII only, Arrow the bytes of UTF-8 too
    (https://arrow.apache.org/docs/python/generated/pyarrow.dataset.HivePartitioning.html).
    """
    return None if value == HIVE_NULL else ESCAPED.sub(lambda run: _decoded(run[0]), value)


def _decoded(run: str) -> str:
    data = bytes.fromhex(run.replace("%", ""))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def partition_of(templates: Sequence[str], below: str, whole_numbers: Container[str] = ()) -> str:
    """Sixteen letters, the same for all keys whose folders have the same values; `whole_numbers` names such fields."""
    found = dict(folder_values(templates, below) or {})
    for field, value in found.items():
        if field in whole_numbers and value:
            found[field] = str(int(value))
    digest = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).digest()
    return base64.urlsafe_b64encode(digest[:12]).decode()
