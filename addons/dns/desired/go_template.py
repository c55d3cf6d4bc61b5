"""Go templates, in the subset that names are made of: `{{.Name}}.{{index .Labels "env"}}.example.com`. Pure.

Fields, texts, numbers, functions, pipelines, parentheses, variables, `if`, `with` and `range` with `else`,
`break` and `continue`, comments, and `{{-` with `-}}`.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from addons.dns.desired import go_template_nodes as nodes
from addons.dns.desired.go_template_functions import FUNCTIONS
from addons.dns.desired.go_template_nodes import Action, Expression, Template
from addons.dns.desired.go_template_tokens import TemplateError, Token, tokens
from addons.dns.model.object_content import SECTIONS, Path

FIELDS = ("Name", "Namespace", "Kind", "APIVersion", "Labels", "Annotations", *SECTIONS)
"""What a template may ask of an object."""

SOURCE = "Source"
"""The field that `isSource` compares; templates do not name it."""

_BLOCKS = ("if", "with", "range")
_LEAVES: Final[Mapping[str, Action]] = {"break": nodes.no_more_rounds, "continue": nodes.next_round}
_WORDS = (*_BLOCKS, "else", "end", *_LEAVES)
_CONSTANTS = {"true": True, "false": False, "nil": None}
_ESCAPE = re.compile(r"\\(.)")
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}
_OPERANDS = ("text", "character", "number", "field", "dot", "variable", "word")


def parse_template(text: str) -> Template:
    """Understand a template; raises TemplateError."""
    parser = _Parser(list(tokens(text)))
    body = parser.body()
    if parser.token.kind != "end of template":
        raise parser.error(f"{parser.token.value!r} without an if, with or range before it")
    return Template(body, frozenset(parser.content))


class _Parser:
    """Reads tokens from left to right; `token` is the next one, `content` the paths that were read so far.

    `_scopes` has the numbers of the variables that are known here, the innermost block last; `_is_at_root`
    tells whether the dot is the object itself.
    """

    def __init__(self, found: list[Token]) -> None:
        self.content: set[Path] = set()
        self._tokens = found
        self._position = 0
        self._scopes: list[dict[str, int]] = [{}]
        self._numbers = 0
        self._ranges = 0
        self._is_at_root = True

    @property
    def token(self) -> Token:
        return self._tokens[self._position]

    def error(self, message: str) -> TemplateError:
        return TemplateError(f"column {self.token.column}: {message}")

    def body(self) -> Action:
        """Everything up to an `else` or `end` that belongs to somebody before, or to the end."""
        actions: list[Action] = []
        while True:
            token = self.token
            if token.kind == "plain":
                self._position += 1
                if token.value:
                    actions.append(nodes.text(token.value))
            elif token.kind == "end of template" or (token.kind == "word" and token.value in ("else", "end")):
                return nodes.body(actions)
            elif token.kind == "word" and token.value in _BLOCKS:
                actions.append(self._block())
            else:
                actions.append(self._action())
                self._close()

    def _action(self) -> Action:
        for word, leave in _LEAVES.items():
            if self._ranges and self._accept(word):
                return leave
        if (assigned := self._assigned()) is not None:
            names, declares = assigned
            if len(names) > 1:
                raise self.error("two variables where one was expected")
            value = self._pipeline()
            return nodes.assignment(self._variable(names[0], declares=declares), value)
        return nodes.output(self._pipeline())

    def _block(self) -> Action:
        """One of `if`, `with` and `range`, up to its end."""
        kind = self.token.value
        self._position += 1
        with self._scope():
            return self._range() if kind == "range" else self._choice(moves_dot=kind == "with")

    def _choice(self, *, moves_dot: bool) -> Action:
        names, declares = self._assigned() or ([], True)
        if len(names) > 1:
            raise self.error("two variables where one was expected")
        condition = self._pipeline()
        self._close()
        number = self._variable(names[0], declares=declares) if names else None
        with self._moved(moves_dot):
            then = self._inner()
        otherwise = self._otherwise("with" if moves_dot else "if")
        return nodes.choice(condition, then, otherwise, moves_dot=moves_dot, number=number)

    def _range(self) -> Action:
        names, declares = self._assigned() or ([], True)
        collection = self._pipeline()
        self._close()
        numbers = [self._variable(name, declares=declares) for name in names]
        pair = numbers if len(numbers) > 1 else (None, *numbers, None)[:2]
        self._ranges += 1
        with self._moved(True):
            each = self._inner()
        self._ranges -= 1
        return nodes.loop(collection, each, self._otherwise("range"), pair)

    def _otherwise(self, kind: str) -> Action:
        """What stands behind `else`, if there is one, and the end of the block."""
        otherwise = nodes.body(())
        if self._accept("else"):
            if kind != "range" and self._accept(kind):
                return self._choice(moves_dot=kind == "with")
            self._close()
            otherwise = self._inner()
        if not self._accept("end"):
            raise self.error(f"{'an' if kind == 'if' else 'a'} {kind} without its end")
        self._close()
        return otherwise

    def _inner(self) -> Action:
        with self._scope():
            return self.body()

    @contextmanager
    def _scope(self) -> Iterator[None]:
        """Variables made in here are not known behind it."""
        self._scopes.append({})
        yield
        self._scopes.pop()

    @contextmanager
    def _moved(self, moves_dot: bool) -> Iterator[None]:
        was_at_root = self._is_at_root
        self._is_at_root = was_at_root and not moves_dot
        yield
        self._is_at_root = was_at_root

    def _assigned(self) -> tuple[list[str], bool] | None:
        """The variables before a `:=` or `=`, and whether they are new; None when nothing is assigned."""
        start, names = self._position, []
        while self.token.kind == "variable" and self.token.value != "$" and "." not in self.token.value:
            names.append(self.token.value)
            self._position += 1
            if not self._accept(","):
                break
        for mark in (":=", "="):
            if names and self._accept(mark):
                return names[:3], mark == ":="
        self._position = start
        return None

    def _variable(self, name: str, *, declares: bool) -> int:
        if declares:
            self._numbers += 1
            self._scopes[-1][name] = self._numbers
            return self._numbers
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        raise self.error(f"the variable {name} is not known here; {{{{ {name} := … }}}} makes one")

    def _accept(self, word: str) -> bool:
        found = self.token.kind in ("word", "mark") and self.token.value == word
        self._position += found
        return found

    def _close(self) -> None:
        if self.token.kind != "close":
            raise self.error(f"{self.token.value!r} where }}}} was expected")
        self._position += 1

    def _pipeline(self) -> Expression:
        """Commands with | between them: the value of one is the last argument of the next."""
        value = self._command(())
        while self._accept("|"):
            value = self._command((value,))
        return value

    def _command(self, piped: tuple[Expression, ...]) -> Expression:
        token = self.token
        if token.kind != "word" or token.value in _CONSTANTS:
            if piped:
                raise self.error(f"{token.value!r} after | is no function")
            return self._operand()
        function = FUNCTIONS.get(token.value)
        if function is None:
            raise self.error(
                f"{token.value!r} is not known; allowed are {', '.join(FUNCTIONS)}, {', '.join(_WORDS)}"
            )
        self._position += 1
        arguments: list[Expression] = []
        while self.token.kind in _OPERANDS or self.token.value == "(":
            arguments.append(self._operand())
        count = len(arguments) + len(piped)
        if not function.least <= count <= function.most:
            raise TemplateError(
                f"column {token.column}: {token.value} takes {function.least} arguments, not {count}"
            )
        source = (nodes.fields(nodes.root, (SOURCE,)),) if function.needs_source else ()
        return nodes.call(function, (*source, *arguments, *piped))

    def _operand(self) -> Expression:
        token = self.token
        if self._accept("("):
            value = self._pipeline()
            if self.token.kind != "shut":
                raise self.error(f"{self.token.value!r} where ) was expected")
            path = _path(self.token.value)
            self._position += 1
            return nodes.fields(value, path) if path else value
        match token.kind:
            case "text":
                value = nodes.literal(_unquoted(token.value))
            case "character":
                value = nodes.literal(ord(_unquoted(token.value)))
            case "number":
                value = nodes.literal(float(token.value) if "." in token.value else int(token.value, 0))
            case "dot":
                value = self._root() if self._is_at_root else nodes.dot
            case "field":
                path = _path(token.value)
                value = self._field(path) if self._is_at_root else nodes.fields(nodes.dot, path)
            case "variable":
                value = self._of_variable(token.value)
            case "word" if token.value in _CONSTANTS:
                value = nodes.literal(_CONSTANTS[token.value])
            case "word" if token.value in FUNCTIONS:
                raise self.error(f"{token.value!r} among arguments: write it in ( )")
            case _:
                raise self.error(f"{token.value!r} where a field, a text or a number was expected")
        self._position += 1
        return value

    def _of_variable(self, written: str) -> Expression:
        name, path = written.partition(".")[0], _path(written)
        if name == "$":
            return self._field(path) if path else self._root()
        value = nodes.variable(self._variable(name, declares=False))
        return nodes.fields(value, path) if path else value

    def _root(self) -> Expression:
        """The whole object: which parts of it are read is not known then."""
        self.content.add(())
        return nodes.root

    def _field(self, path: tuple[str, ...]) -> Expression:
        """A field of the object."""
        if path[0] not in FIELDS:
            known = ", ".join(f".{name}" for name in FIELDS)
            raise self.error(f".{path[0]} is not known; allowed are {known}")
        if (section := SECTIONS.get(path[0])) is not None:
            self.content.add((*section, *path[1:]))
        return nodes.fields(nodes.root, path)


def _path(written: str) -> tuple[str, ...]:
    """The fields at the end of a token: `.Spec.type`, `$x.type`, `).type`."""
    return tuple(written.partition(".")[2].split(".")) if "." in written else ()


def _unquoted(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]
    return _ESCAPE.sub(lambda match: _CONTROLS.get(match[1], match[1]), text[1:-1])
