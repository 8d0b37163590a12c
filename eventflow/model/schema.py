"""The fields of a model in few words, so that two versions of them can be laid side by side."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

Fields = dict[str, dict[str, Any]]


class _Words(GenerateJsonSchema):
    """JSON schema that has a word for every type, be it only its name."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:  # noqa: ARG002  # as the base has it
        kind = schema.get("cls")
        return {"type": getattr(kind, "__name__", None) or str(schema.get("type", "any"))}


def fields_of(model: type[BaseModel], mode: JsonSchemaMode = "validation") -> Fields:
    """Each field's type and whether it must be given: ``{"title": {"type": "string", "required": True}}``."""
    schema = model.model_json_schema(by_alias=False, mode=mode, schema_generator=_Words)
    shared = schema.get("$defs", {})
    required = set(schema.get("required", ()))
    return {
        name: {"type": spelled(kind, shared), "required": name in required}
        for name, kind in schema.get("properties", {}).items()
    }


def spelled(schema: Any, shared: dict[str, Any] | None = None, within: tuple[str, ...] = ()) -> str:
    """A JSON schema as a short word.

    >>> spelled({"type": "array", "items": {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]}})
    '[null | string:uuid]'
    >>> spelled({"type": "object", "properties": {"page": {"type": "integer"}}, "required": ["page"]})
    '{page: integer}'
    """
    if not isinstance(schema, dict):
        return "any"
    if "$ref" in schema:
        return _referred(schema["$ref"].rpartition("/")[2], shared or {}, within)
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " | ".join(sorted(repr(one) for one in values))
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            found = {word for one in schema[choice] for word in alternatives(spelled(one, shared, within))}
            return " | ".join(sorted(found))
    return _plain(schema, shared, within)


def widens(before: str, now: str) -> bool:
    """Whether all that fitted a type before fits it now.

    >>> widens("string", "null | string"), widens("string", "integer")
    (True, False)
    """
    return alternatives(before) <= alternatives(now)


def alternatives(kind: str) -> frozenset[str]:
    """The types of which a value may have any.

    >>> sorted(alternatives("{page: integer | null} | null"))
    ['null', '{page: integer | null}']
    """
    found, begin, depth = [], 0, 0
    for at, one in enumerate(kind):
        depth += (one in "[{") - (one in "]}")
        if depth == 0 and kind.startswith(" | ", at):
            found.append(kind[begin:at])
            begin = at + 3
    return frozenset((*found, kind[begin:]))


def _referred(name: str, shared: dict[str, Any], within: tuple[str, ...]) -> str:
    if name in within:
        return name
    return spelled(shared.get(name), shared, (*within, name))


def _plain(schema: dict[str, Any], shared: dict[str, Any] | None, within: tuple[str, ...]) -> str:
    kind = schema.get("type", "any")
    if kind == "array":
        if "prefixItems" in schema:
            return "[" + ", ".join(spelled(one, shared, within) for one in schema["prefixItems"]) + "]"
        return f"[{spelled(schema.get('items'), shared, within)}]"
    if "properties" in schema:
        required = set(schema.get("required", ()))
        inner = (
            f"{n}{'' if n in required else '?'}: {spelled(s, shared, within)}" for n, s in schema["properties"].items()
        )
        return "{" + ", ".join(sorted(inner)) + "}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"{{*: {spelled(schema['additionalProperties'], shared, within)}}}"
    if "format" in schema:
        return f"{kind}:{schema['format']}"
    return str(kind)
