"""The words of a Go template: plain text, and what stands in `{{ }}`. Pure."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_ACTION = re.compile(
    r"""\{\{(?P<left>-(?=\s))?
        (?P<inside>\s*/\*.*?\*/\s*?|(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|'(?:\\.|[^'\\])'|[^\"`'])*?)
        (?P<right>\s-)?\}\}""",
    re.VERBOSE | re.DOTALL,
)
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:\\.|[^"\\])*"|`[^`]*`)
      | (?P<character>'(?:\\.|[^'\\])')
      | (?P<number>-?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?))
      | (?P<variable>\$\w*(?:\.[A-Za-z_]\w*)*)
      | (?P<field>(?:\.[A-Za-z_]\w*)+)
      | (?P<dot>\.(?![\w.]))
      | (?P<shut>\)(?:\.[A-Za-z_]\w*)*)
      | (?P<word>[A-Za-z]\w*)
      | (?P<mark>:=|[|(=,])
    )""",
    re.VERBOSE,
)


class TemplateError(ValueError):
    """The text is no template; the message names the column and what is allowed there."""


class Token(NamedTuple):
    """One word, and the column where it begins; a field, a variable and a `)` have the fields behind them."""

    kind: str
    value: str
    column: int


def tokens(text: str) -> Iterator[Token]:
    """Plain text, and what is inside `{{ }}`, each action closed by a token of its own."""
    position, trims = 0, False
    for action in _ACTION.finditer(text):
        plain = text[position : action.start()]
        plain = plain.lstrip() if trims else plain
        yield Token("plain", plain.rstrip() if action["left"] else plain, position + 1)
        if not action["inside"].lstrip().startswith("/*"):
            yield from _inside(action["inside"], action.start("inside"))
            yield Token("close", "}}", action.end() - 1)
        position, trims = action.end(), bool(action["right"])
    plain = text[position:]
    for mark in ("{{", "}}"):
        if mark in plain:
            raise TemplateError(f"column {position + plain.index(mark) + 1}: {mark} without its other half")
    yield Token("plain", plain.lstrip() if trims else plain, position + 1)
    yield Token("end of template", "", len(text) + 1)


def _inside(text: str, start: int) -> Iterator[Token]:
    position = 0
    while text[position:].strip():
        token = _TOKEN.match(text, position)
        if token is None or token.lastgroup is None:
            column = start + position + len(text[position:]) - len(text[position:].lstrip()) + 1
            raise TemplateError(
                f"column {column}: {text[position:].strip()!r} is not understood; allowed are fields like"
                " .Name, variables like $x, functions, texts in quotation marks, numbers, | and ( )"
            )
        yield Token(token.lastgroup, token[token.lastgroup], start + token.start(token.lastgroup) + 1)
        position = token.end()
