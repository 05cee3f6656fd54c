"""What a chart says of its values in `values.yaml`, `values.schema.json` and the table in `README.md`, compared."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import yaml

from tests.helm.charts import CHARTS, UPDATE

TABLE = re.compile(r"(?<=<!-- values -->\n).*?(?=<!-- /values -->)", re.DOTALL)
TYPES = {"str": "string", "list": "list", "dict": "object", "bool": "bool", "int": "number", "float": "number"}

Path = tuple[str, ...]


def documented(chart: str) -> None:
    """The table of values in the chart's README is what `values.yaml` says, and misses none of them."""
    readme = CHARTS / chart / "README.md"
    text = (CHARTS / chart / "values.yaml").read_text()
    values = yaml.safe_load(text)
    comments = dict(_comments(text))
    missing = [".".join(path) for path in _leaves(values) if not _covered(path, comments)]
    assert missing == [], "values without a comment `# --`"
    table = _table(values, comments)
    if UPDATE:
        readme.write_text(TABLE.sub(lambda _: table, readme.read_text()))
    assert TABLE.findall(readme.read_text()) == [table], f"{readme}: run again with UPDATE_GOLDEN=1"


def in_schema(chart: str) -> None:
    """The schema has every value of `values.yaml`, and no other; what is not in it is refused."""
    schema = json.loads((CHARTS / chart / "values.schema.json").read_text())
    values = set(_leaves(yaml.safe_load((CHARTS / chart / "values.yaml").read_text())))
    allowed = {path for path in _properties(schema) if path != ("global",)}
    missing = {".".join(path) for path in values if not _covered(path, allowed)}
    surplus = {".".join(path) for path in allowed if not any(value[: len(path)] == path for value in values)}
    assert (missing, surplus) == (set(), set()), "values that the schema has not, values that only the schema has"
    assert list(_open(schema)) == [], "objects of the schema that take any key"


def _table(values: Mapping[str, Any], comments: Mapping[Path, str]) -> str:
    """In the way of helm-docs: a row for every value that has a comment `# --`, in the order of `values.yaml`."""
    rows = ["| Key | Type | Default | Description |", "|---|---|---|---|"]
    for path, description in comments.items():
        value: Any = values
        for key in path:
            value = value[key]
        default = json.dumps(value, ensure_ascii=False)
        rows.append(f"| `{'.'.join(path)}` | {TYPES[type(value).__name__]} | `{default}` | {description} |")
    return "\n".join(rows) + "\n"


def _comments(text: str) -> Iterator[tuple[Path, str]]:
    """The path of each value that has a comment `# --` above it, and what the comment says."""
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        if started := re.match(r" *# -- (.*)", line):
            comment = [started[1]]
        elif comment and (continued := re.match(r" *# (.*)", line)):
            comment.append(continued[1])
        elif key := re.match(r"( *)([A-Za-z]\w*):", line):
            indent = len(key[1])
            path = [*(outer for outer in path if outer[0] < indent), (indent, key[2])]
            if comment:
                yield tuple(name for _, name in path), " ".join(comment)
            comment = []


def _leaves(values: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(values, Mapping) and values:
        for key, value in values.items():
            yield from _leaves(value, (*path, key))
    else:
        yield path


def _properties(schema: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """The paths of what a schema names and does not divide further."""
    if properties := schema.get("properties"):
        for key, value in properties.items():
            yield from _properties(value, (*path, key))
    else:
        yield path


def _open(schema: Mapping[str, Any], path: Path = ()) -> Iterator[str]:
    if properties := schema.get("properties"):
        if schema.get("additionalProperties") is not False:
            yield ".".join(path) or "(top)"
        for key, value in properties.items():
            yield from _open(value, (*path, key))


def _covered(path: Path, by: Collection[Path]) -> bool:
    return any(path[:length] in by for length in range(len(path) + 1))
