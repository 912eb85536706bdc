"""The keys of specs as JSON Schema (draft 2020-12), by which editors complete and explain them.

In: the descriptions by which specs are read (`keys`), and the names that there are.  Out: plain
values.  A schema says which keys a table has and of which type their values are, as the readers do.
What depends on several keys, on equations or on data is left to `rnnzoo check`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rnnzoo.spec import plugins, settings
from rnnzoo.spec.cell import CELL
from rnnzoo.spec.document import is_number
from rnnzoo.spec.experiment import OURS, PRUNERS, SAMPLERS
from rnnzoo.spec.keys import ByName, Either, Holds, Items, Key, Keys, Legal, Names, Shared, Text
from rnnzoo.spec.read_experiment.keys import EXPERIMENT, EXTENDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NULL = {"type": "null"}
_COUNT = {"type": "integer", "minimum": 1, "maximum": plugins.MOST}
_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")  # of a page of the manual to another
# what there is by its kind (`tasks`): names, each with its options and their defaults, or None
# where the options are not known
Known = Mapping[str, Mapping[str, Mapping[str, Any] | None]]
Schema = dict[str, Any]
_OURS: Known = {
    "samplers": dict.fromkeys((*OURS, *SAMPLERS, *SAMPLERS.values())),
    "pruners": dict.fromkeys((*PRUNERS, *PRUNERS.values())),
}


def of_cell(known: Known) -> Schema:
    """The schema of a cell's file."""
    either = {"anyOf": [{"required": ["equations"]}, {"required": [EXTENDS]}]}
    needs = {**_needs(Keys(CELL)), **either}
    return _Writer(known).whole("A cell of rnnzoo", CELL, needs)


def of_experiment(known: Known) -> Schema:
    """The schema of an experiment's file.  One that extends another may leave out what that one
    says.
    """
    whole = {
        "required": ["experiment", "variants"],
        "anyOf": [{"required": ["task"]}, {"required": ["tasks"]}],
        "not": {"required": ["task", "tasks"]},
        **_needs(Keys(EXPERIMENT)),
    }
    needs = {"if": {"required": [EXTENDS]}, "else": whole}
    return _Writer(known).whole("An experiment of rnnzoo", EXPERIMENT, needs)


def of_settings(known: Known) -> Schema:
    """The schema of mlflow.yml."""
    return _Writer(known).whole("mlflow.yml of rnnzoo", settings.KEYS, _needs(Keys(settings.KEYS)))


@dataclass(slots=True)
class _Writer:
    """Writes one schema; what is shared stands once, under `$defs`."""

    known: Known
    shared: dict[str, Schema] = field(default_factory=dict)

    def whole(self, title: str, keys: Mapping[str, Key], needs: Schema) -> Schema:
        """The schema of a file.

        Args:
            needs: which keys cannot be left out.
        """
        table = {**self.schema(Keys(keys)), "allOf": [needs]}
        return {"$schema": DIALECT, "title": title, **table, "$defs": self.shared}

    def schema(self, holds: Holds) -> Schema:
        """What a value must be."""
        match holds:
            case Legal():
                return _of_value(holds)
            case Text():
                return self._of_text(holds)
            case Items():
                counts = {"minItems": holds.least, "maxItems": holds.most}
                return {"type": "array", "items": self._in_list(holds.holds), **_said(counts)}
            case Names():
                return {"type": "object", "additionalProperties": self.schema(holds.holds)}
            case Either():
                return {"anyOf": [self.schema(alternative) for alternative in holds.holds]}
            case Keys():
                return self._of_table(holds)
            case ByName():
                return self._of_name(holds)
            case Shared():
                if holds.name not in self.shared:
                    self.shared[holds.name] = {}  # it may hold itself
                    self.shared[holds.name] = self.schema(holds.holds)
                return {"$ref": f"#/$defs/{holds.name}"}

    def _in_list(self, holds: Holds) -> Schema:
        """An entry of a list, which is whole in itself whatever the file extends."""
        needs = _needs(holds)
        return {**self.schema(holds), "allOf": [needs]} if needs else self.schema(holds)

    def _of_text(self, text: Text) -> Schema:
        names = sorted(self.known.get(text.names, ()))
        pattern = f"^(?:{text.pattern})$" if text.pattern else ""
        said = {"pattern": pattern, "maxLength": text.most, "examples": [*text.known, *names]}
        return {"type": "string", **_said(said)}

    def _of_table(self, keys: Keys) -> Schema:
        properties = {
            name: self._property(key, getattr(keys.usual, name, None))
            for name, key in keys.rows.items()
        }
        required = [name for name, key in keys.rows.items() if key.needed]
        said = {
            "minProperties": int(keys.single),
            "maxProperties": int(keys.single),
            "required": required if keys.whole else [],
        }
        table = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**table, **_said(said)}

    def _property(self, key: Key, usual: object) -> Schema:
        """What stands under a key, with what an editor shows of it."""
        schema = self.schema(key.holds)
        if key.may_be_empty and not key.needed:
            schema = _or_null(schema)
        without = f"\n\nWithout it: {key.without}." if key.without else ""
        plain = isinstance(usual, bool | str) or (is_number(usual) and math.isfinite(usual))  # type: ignore[arg-type]
        default = {"default": usual} if plain and isinstance(key.holds, Legal) else {}
        described = _LINK.sub(r"\1", f"{key.about}{without}")
        return {"description": described, **default, **schema}

    def _of_name(self, chosen: ByName) -> Schema:
        """A name, or a table of it and its options."""
        known = {**_OURS, **self.known}[chosen.names]
        name: Schema = {"enum": sorted(known)}
        if chosen.pattern:
            elsewhere = {"type": "string", "pattern": f"^(?:{chosen.pattern})$"}
            name = {"anyOf": [name, elsewhere]}
        beside = {key: self._property(row, None) for key, row in chosen.beside.items()}
        options = [
            _where_named(named, {**beside, **self._options(defaults)})
            for named, defaults in sorted(known.items())
            if defaults is not None
        ]
        table: Schema = {"type": "object", "properties": {"name": name, **beside}}
        said = {"required": ["name"] if chosen.whole else [], "allOf": options}
        return {"anyOf": [name, {**table, **_said(said)}]}

    def _options(self, defaults: Mapping[str, Any]) -> Schema:
        return {name: _of_option(default) for name, default in defaults.items()}


def _or_null(schema: Schema) -> Schema:
    """What may also be left empty, which YAML reads as null."""
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    if set(schema) == {"anyOf"}:
        return {"anyOf": [*schema["anyOf"], _NULL]}
    return {"anyOf": [schema, _NULL]}


def _where_named(name: str, properties: Schema) -> Schema:
    """What the table of one name has beside it."""
    named = {"properties": {"name": {"const": name}}, "required": ["name"]}
    table = {"properties": {"name": True, **properties}, "additionalProperties": False}
    return {"if": named, "then": table}


def _of_option(default: object) -> Schema:
    """What an option may be whose default this is, as `plugins.wrong_options` has it."""
    types: dict[type, Schema] = {
        bool: {"type": "boolean"},
        int: _COUNT,
        float: {"type": "number"},
        str: {"type": "string"},
        list: {"type": "array", "items": _COUNT},
        dict: {"type": ["string", "object", "null"]},
        tuple: {"type": ["string", "array", "object", "null"]},
    }
    shown = {"default": default} if isinstance(default, bool | int | float | str) else {}
    return {**_or_null(types[type(default)]), **shown}


def _of_value(legal: Legal) -> Schema:
    if legal.flag:
        return {"type": "boolean"}
    if legal.words:
        return {"enum": list(legal.words)}
    low = {} if math.isinf(legal.low) else {_LEAST[legal.open_low]: legal.low}
    high = {} if math.isinf(legal.high) else {_MOST[legal.open_high]: legal.high}
    return {"type": "integer" if legal.whole else "number", **low, **high}


_LEAST = {False: "minimum", True: "exclusiveMinimum"}
_MOST = {False: "maximum", True: "exclusiveMaximum"}


def _said(keywords: Schema) -> Schema:
    """Those of these keywords that say something."""
    return {name: value for name, value in keywords.items() if value}


def _needs(holds: Holds) -> Schema:
    """Which keys of tables cannot be left out, as a schema that says nothing else; of what stands
    in lists, it is said there.
    """
    match holds:
        case Keys(whole=False):
            required = [name for name, key in holds.rows.items() if key.needed]
            below = {name: _needs(key.holds) for name, key in holds.rows.items()}
            return _said({"required": required, "properties": _said(below)})
        case ByName(whole=False):
            return {"required": ["name"]}
        case Shared():
            return _needs(holds.holds)
        case Either():
            tables = list(filter(None, map(_needs, holds.holds)))
            return tables[0] if len(tables) == 1 else _said({"anyOf": tables})
    return {}
