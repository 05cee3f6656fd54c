"""An OpenAPI document as what its page shows: operations with parameters, bodies and answers, then the schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

JSON = Mapping[str, Any]

_METHODS = ("get", "put", "post", "delete")
_CODE = re.compile(r"`([^`]+)`")


def page(document: JSON) -> dict[str, Any]:
    """The template's context."""
    components = document["components"]

    def resolved(item: JSON) -> JSON:
        while "$ref" in item:
            _, _, kind, name = item["$ref"].split("/")
            item = components[kind][name]
        return item

    def operations() -> Iterator[dict[str, Any]]:
        for path, item in document["paths"].items():
            for method in (name for name in _METHODS if name in item):
                operation = item[method]
                parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
                body = resolved(operation.get("requestBody", {}))
                yield {
                    "id": operation["operationId"],
                    "method": method.upper(),
                    "path": path,
                    "summary": operation["summary"],
                    "description": prose(operation.get("description", "")),
                    "scopes": [scope for one in operation.get("security", ()) for scope in one["token"]],
                    "parameters": [_member(one["name"], one["schema"], one) for one in map(resolved, parameters)],
                    "body": _content(body),
                    "answers": [_answer(status, resolved(one)) for status, one in operation["responses"].items()],
                }

    def _answer(status: str, answer: JSON) -> dict[str, Any]:
        headers = {name: resolved(header) for name, header in answer.get("headers", {}).items()}
        return {
            "status": status,
            "description": prose(answer["description"]),
            "headers": [_member(name, header["schema"], header) for name, header in headers.items()],
            "content": _content(answer),
        }

    return {
        "title": document["info"]["title"],
        "version": document["info"]["version"],
        "description": prose(document["info"]["description"]),
        "operations": list(operations()),
        "schemas": [_schema(name, schema) for name, schema in sorted(components["schemas"].items())],
    }


def prose(text: str) -> SafeString:
    """Paragraphs, lists and `code`, of what the contract uses of Markdown."""
    return format_html_join("", "{}", ((_block(block),) for block in text.strip().split("\n\n") if block))


def _block(block: str) -> SafeString:
    if block.startswith("- "):
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((_inline(x),) for x in _items(block))))
    return format_html("<p>{}</p>", _inline(block))


def _items(block: str) -> list[str]:
    return re.split(r"\n- ", block.removeprefix("- "))


def _inline(text: str) -> SafeString:
    return mark_safe(_CODE.sub(r"<code>\1</code>", escape(text)))  # noqa: S308


def _schema(name: str, schema: JSON) -> dict[str, Any]:
    required = schema.get("required", ())
    return {
        "name": name,
        "description": prose(schema.get("description", "")),
        "kind": kind(schema),
        "members": [
            _member(member, of, {"required": member in required}) for member, of in schema.get("properties", {}).items()
        ],
    }


def _member(name: str, schema: JSON, said: JSON) -> dict[str, Any]:
    """A parameter, a header or a member of an object; `said` is what is known of it beside its schema."""
    return {
        "name": name,
        "in": said.get("in", ""),
        "required": said.get("required", False),
        "kind": kind(schema),
        "description": prose(said.get("description") or schema.get("description", "")),
    }


def _content(item: JSON) -> list[dict[str, Any]]:
    return [{"type": name, "kind": kind(content["schema"])} for name, content in item.get("content", {}).items()]


def kind(schema: JSON) -> SafeString:
    """What a value may be, in a few words, with a link where another schema says it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return format_html('<a href="#{}">{}</a>', name, name)
    if "const" in schema:
        return format_html("always <code>{}</code>", schema["const"])
    if "enum" in schema:
        return format_html("one of {}", format_html_join(", ", "<code>{}</code>", ((one,) for one in schema["enum"])))
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    said: list[str] = [SafeString(" or ".join(types))]
    if "items" in schema:
        said.append(format_html("of {}", kind(schema["items"])))
    for least, most, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
    ):
        said += _bounds(schema.get(least), schema.get(most), unit)
    if "pattern" in schema:
        said.append(format_html("matching <code>{}</code>", schema["pattern"]))
    if "default" in schema:
        said.append(format_html("default <code>{}</code>", repr(schema["default"])))
    return format_html_join(", ", "{}", ((words,) for words in said))


def _bounds(least: int | None, most: int | None, unit: str) -> list[str]:
    if least is None and most is None:
        return []
    if most is None:
        return [f"at least {least}{unit}"]
    if least == most:
        return [f"exactly {least}{unit}"]
    return [f"at most {most}{unit}" if least is None else f"{least} to {most}{unit}"]
