"""Go templates, in the subset that names are made of: `{{.Name}}.{{index .Labels "env"}}.example.com`. Pure.

Fields, texts, numbers, functions, pipelines, parentheses, `if` with `else`, and `{{-` with `-}}`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from addons.dns.desired.go_template_functions import (
    FUNCTIONS,
    EvaluationError,
    Function,
    Missing,
    Value,
    text_of,
)
from addons.dns.model.object_content import SECTIONS, Path, key_of

FIELDS = ("Name", "Namespace", "Kind", "APIVersion", "Labels", "Annotations", *SECTIONS)
"""What a template may ask of an object."""

SOURCE = "Source"
"""The field that `isSource` compares; templates do not name it."""

_ACTION = re.compile(
    r"\{\{(?P<left>-(?=\s))?(?P<inside>(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|[^\"`])*?)(?P<right>\s-)?\}\}"
)
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:\\.|[^"\\])*"|`[^`]*`)
      | (?P<number>-?\d+)
      | (?P<field>(?:\.[A-Za-z_]\w*)+)
      | (?P<word>[A-Za-z]\w*)
      | (?P<mark>[|()])
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")


class TemplateError(ValueError):
    """The text is no template; the message names the column and what is allowed there."""


class _Token(NamedTuple):
    kind: str
    value: str
    column: int


class _Literal(Struct, frozen=True):
    value: Value

    def of(self, obj: Mapping[str, Value]) -> Value:
        return self.value


class _Field(Struct, frozen=True):
    path: tuple[str, ...]

    def of(self, obj: Mapping[str, Value]) -> Value:
        found: Value = obj
        for step in self.path:
            if not isinstance(found, Mapping) or step not in found:
                return Missing("".join(f".{name}" for name in self.path))
            found = found[step]
        return found


class _Content(Struct, frozen=True):
    """A part of the object by its JSON keys; what is missing there is a fault wherever it stands."""

    path: tuple[str, ...]

    def of(self, obj: Mapping[str, Value]) -> Value:
        found: Value = obj
        for step in self.path:
            key = key_of(found, step) if isinstance(found, Mapping) else None
            if key is None:
                raise EvaluationError(f"the object has no {''.join(f'.{name}' for name in self.path)}")
            found = found[key]
        return found


class _Call(Struct, frozen=True):
    function: Function
    arguments: tuple[Any, ...]

    def of(self, obj: Mapping[str, Value]) -> Value:
        values = (argument.of(obj) for argument in self.arguments)
        return self.function.call(values) if self.function.is_lazy else self.function.call(*values)


class _Choice(Struct, frozen=True):
    condition: Any
    then: "Template"
    otherwise: "Template"

    def of(self, obj: Mapping[str, Value]) -> Value:
        return (self.then if self.condition.of(obj) else self.otherwise).render(obj)


class Template(Struct, frozen=True):
    """A template that has been understood; `content` are the parts of objects that it reads by JSON keys."""

    parts: tuple[Any, ...] = ()
    content: frozenset[Path] = frozenset()

    def render(self, obj: Mapping[str, Value]) -> str:
        """The text for an object that has `FIELDS`; raises EvaluationError where it makes none."""
        return "".join(text_of(part.of(obj)) for part in self.parts)


def parse_template(text: str) -> Template:
    """Understand a template; raises TemplateError."""
    parser = _Parser(list(_tokens(text)))
    template = parser.body()
    if parser.token.kind != "end of template":
        raise parser.error(f"{parser.token.value!r} without an if before it")
    return replace(template, content=frozenset(parser.content))


def _tokens(text: str) -> Iterator[_Token]:
    """Plain text, and what is inside `{{ }}`, each action closed by a token of its own."""
    position, trims = 0, False
    for action in _ACTION.finditer(text):
        plain = text[position : action.start()]
        plain = plain.lstrip() if trims else plain
        yield _Token("plain", plain.rstrip() if action["left"] else plain, position + 1)
        yield from _inside(action["inside"], action.start("inside"))
        yield _Token("close", "}}", action.end() - 1)
        position, trims = action.end(), bool(action["right"])
    plain = text[position:]
    for mark in ("{{", "}}"):
        if mark in plain:
            raise TemplateError(f"column {position + plain.index(mark) + 1}: {mark} without its other half")
    yield _Token("plain", plain.lstrip() if trims else plain, position + 1)
    yield _Token("end of template", "", len(text) + 1)


def _inside(text: str, start: int) -> Iterator[_Token]:
    position = 0
    while text[position:].strip():
        token = _TOKEN.match(text, position)
        if token is None or token.lastgroup is None:
            column = start + position + len(text[position:]) - len(text[position:].lstrip()) + 1
            raise TemplateError(
                f"column {column}: {text[position:].strip()!r} is not understood; allowed are"
                " fields like .Name, functions, texts in quotation marks, numbers, | and ( )"
            )
        yield _Token(token.lastgroup, token[token.lastgroup], start + token.start(token.lastgroup) + 1)
        position = token.end()


class _Parser:
    """Reads tokens from left to right; `token` is the next one, `content` the paths that were read so far."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.content: set[Path] = set()
        self._tokens = tokens
        self._position = 0

    @property
    def token(self) -> _Token:
        return self._tokens[self._position]

    def error(self, message: str) -> TemplateError:
        return TemplateError(f"column {self.token.column}: {message}")

    def body(self) -> Template:
        """Everything up to an `else` or `end` that belongs to somebody before, or to the end."""
        parts: list[Any] = []
        while True:
            token = self.token
            if token.kind == "plain":
                self._position += 1
                parts.append(_Literal(token.value))
            elif token.kind == "end of template" or token.value in ("else", "end"):
                return Template(tuple(parts))
            elif token == ("word", "if", token.column):
                self._position += 1
                parts.append(self._choice())
            else:
                parts.append(self._pipeline())
                self._close()

    def _choice(self) -> _Choice:
        condition = self._pipeline()
        self._close()
        then, otherwise = self.body(), Template()
        if self._accept("else"):
            if self._accept("if"):
                return _Choice(condition, then, Template((self._choice(),)))
            self._close()
            otherwise = self.body()
        if not self._accept("end"):
            raise self.error("an if without its end")
        self._close()
        return _Choice(condition, then, otherwise)

    def _accept(self, word: str) -> bool:
        found = self.token.kind in ("word", "mark") and self.token.value == word
        self._position += found
        return found

    def _close(self) -> None:
        if self.token.kind != "close":
            raise self.error(f"{self.token.value!r} where }}}} was expected")
        self._position += 1

    def _pipeline(self) -> Any:
        """Commands with | between them: the value of one is the last argument of the next."""
        value = self._command(())
        while self._accept("|"):
            value = self._command((value,))
        return value

    def _command(self, piped: tuple[Any, ...]) -> Any:
        token = self.token
        if token.kind != "word" or token.value in ("true", "false"):
            if piped:
                raise self.error(f"{token.value!r} after | is no function")
            return self._operand()
        function = FUNCTIONS.get(token.value)
        if function is None:
            raise self.error(
                f"{token.value!r} is not known; allowed are {', '.join(FUNCTIONS)}, if, else, end"
            )
        self._position += 1
        arguments: list[Any] = []
        while self.token.kind in ("text", "number", "field", "word") or self.token.value == "(":
            arguments.append(self._operand())
        count = len(arguments) + len(piped)
        if not function.least <= count <= function.most:
            raise TemplateError(
                f"column {token.column}: {token.value} takes {function.least} arguments, not {count}"
            )
        source = (_Field((SOURCE,)),) if function.needs_source else ()
        return _Call(function, (*source, *arguments, *piped))

    def _operand(self) -> Any:
        token = self.token
        if self._accept("("):
            value = self._pipeline()
            if not self._accept(")"):
                raise self.error(f"{self.token.value!r} where ) was expected")
            return value
        match token.kind:
            case "text":
                value = _Literal(_unquoted(token.value))
            case "number":
                value = _Literal(int(token.value))
            case "field":
                value = self._field(token)
            case "word" if token.value in ("true", "false"):
                value = _Literal(token.value == "true")
            case _:
                raise self.error(f"{token.value!r} where a field, a text or a number was expected")
        self._position += 1
        return value

    def _field(self, token: _Token) -> _Field | _Content:
        path = tuple(token.value[1:].split("."))
        if path[0] not in FIELDS:
            known = ", ".join(f".{name}" for name in FIELDS)
            raise self.error(f".{path[0]} is not known; allowed are {known}")
        if (section := SECTIONS.get(path[0])) is None:
            return _Field(path)
        self.content.add((*section, *path[1:]))
        return _Content(path)


def _unquoted(text: str) -> str:
    return text[1:-1] if text[0] == "`" else _ESCAPE.sub(r"\1", text[1:-1])
