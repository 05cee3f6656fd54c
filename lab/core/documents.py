"""What is wrong with a YAML document that a person wrote: every problem at once, each where it is.

Used for scenarios and manifests alike. A problem is one line that starts with the place: `slo.p99_ms: missing; for
example  p99_ms: 50`. Examples come from the schema's `examples`.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import jsonschema
import yaml

WHOLE = "document"

_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


class _Loader(yaml.CSafeLoader):
    """Refuses what YAML forbids and the library lets pass: a key that occurs twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(problem="a key is no text", problem_mark=key_node.start_mark)
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"{key_node.value} occurs twice", problem_mark=key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def _is_number(_: object, value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("number", _is_number),
)


def read(text: str, schema: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """The YAML document, and what is wrong with it; when it is not YAML that is the only problem."""
    try:
        document = yaml.load(text, _Loader)  # noqa: S506  a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f"line {mark.line + 1}, column {mark.column + 1}" if mark else WHOLE
        return None, [f"{at}: {error.problem}"]
    except yaml.YAMLError as error:
        return None, [f"{WHOLE}: not YAML: {' '.join(str(error).split())}"]
    return document, problems(document, schema)


def problems(document: object, schema: Mapping[str, Any]) -> list[str]:
    """One line for each place where `document` breaks `schema`."""
    errors = sorted(_Validator(schema).iter_errors(document), key=lambda error: [str(p) for p in error.absolute_path])
    return list(dict.fromkeys(line for error in errors for line in _lines(error)))


def place(*path: str | int) -> str:
    """`requests[0].path.product_id` for ("requests", 0, "path", "product_id")."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or WHOLE


def unknown(name: str, known: Iterable[str]) -> str:
    """What to say of a name that is none of `known`."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"unknown; did you mean {near[0]}?"
    return f"unknown; there is {', '.join(names)}" if names else "unknown; nothing is expected here"


def _lines(error: jsonschema.ValidationError) -> list[str]:
    path = tuple(error.absolute_path)
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    known: Mapping[str, Any] = schema.get("properties", {})
    wanted: Any = error.validator_value
    value: Any = error.instance
    match error.validator:
        case "required":
            return [f"{place(*path, name)}: missing{_example(name, known)}" for name in wanted if name not in value]
        case "additionalProperties" if wanted is False:
            strangers = [name for name in value if name not in known]
            return [f"{place(*path, str(name))}: {unknown(str(name), known)}" for name in strangers]
        case "dependentRequired":
            return [
                f"{place(*path, needed)}: missing; {name} needs it{_example(needed, known)}"
                for name, others in wanted.items()
                for needed in others
                if name in value and needed not in value
            ]
        case "type":
            names = [wanted] if isinstance(wanted, str) else wanted
            return [f"{place(*path)}: {_shown(value)} is not {' or '.join(_TYPES[name] for name in names)}"]
        case "not" if wanted == {}:
            return [f"{place(*path)}: has no place here"]
    return [f"{place(*path)}: {_refusal(error)}"]


def _refusal(error: jsonschema.ValidationError) -> str:
    """What is wrong with one value."""
    bound: Any = error.validator_value
    value = _shown(error.instance)
    sayings = {
        "exclusiveMinimum": f"{value} is not above {bound}",
        "exclusiveMaximum": f"{value} is not below {bound}",
        "minimum": f"{value} is below {bound}",
        "maximum": f"{value} is above {bound}",
        "enum": f"{value} is none of {', '.join(map(str, bound))}" if isinstance(bound, Sequence) else "",
        "const": f"{value} is not {_shown(bound)}",
        "pattern": f"{value} does not match {bound}",
        "minLength": f"{value} is shorter than {bound} characters",
        "maxLength": f"{value} is longer than {bound} characters",
        "minItems": f"has fewer than {bound} items",
        "maxItems": f"has more than {bound} items",
        "minProperties": f"has fewer than {bound} entries",
        "maxProperties": f"has more than {bound} entries, of which one is meant",
        "uniqueItems": "has an item twice",
    }
    return sayings.get(str(error.validator)) or error.message


def _shown(value: object) -> str:
    text = {None: "null", True: "true", False: "false"}.get(value) if isinstance(value, bool | None) else repr(value)
    return str(text) if len(str(text)) <= 60 else f"{str(text)[:57]}..."


def _example(name: str, known: Mapping[str, Any]) -> str:
    examples = known.get(name, {}).get("examples")
    if not examples:
        return ""
    shown = yaml.safe_dump(examples[0], default_flow_style=True, sort_keys=False, width=math.inf)
    return f"; for example  {name}: {shown.strip().removesuffix('...').strip()}"
