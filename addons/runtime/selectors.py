"""Label selectors, as `kubectl -l` and a Service's `spec.selector` write them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_TERM = re.compile(
    rf"""\s*(?:
        (?P<absent>!)\s*(?P<missing>{_NAME})
      | (?P<label>{_NAME})\s*(?:
            (?P<operator>==|=|!=)\s*(?P<value>{_VALUE})
          | \s(?P<among>in|notin)\s*\((?P<values>[^()]*)\)
        )?
    )\s*(?:,|$)""",
    re.VERBOSE,
)

_ONE = rf"(!\s*{_NAME}|{_NAME}(\s*(==|=|!=)\s*{_VALUE}|\s+(in|notin)\s*\([^()]*\))?)"

PATTERN = rf"\s*|\s*{_ONE}(\s*,\s*{_ONE})*\s*"
"""What `parse_selector` reads, for tools that have no more than regular expressions."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term: the label's value is among `values`, or the label exists; `negated` says the opposite.

    A label that is absent satisfies every negated term, as in the API server.
    """

    label: str
    values: frozenset[str] | None = None
    negated: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels satisfies the term."""
        found = self.label in labels and (self.values is None or labels[self.label] in self.values)
        return found is not self.negated


@dataclass(frozen=True, slots=True)
class Selector:
    """All of the requirements together; without any it matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return all(requirement.matches(labels) for requirement in self.requirements)


def equality_selector(labels: Mapping[str, str]) -> Selector:
    """The selector of a Service: every label has exactly this value."""
    return Selector(tuple(Requirement(name, frozenset((value,))) for name, value in sorted(labels.items())))


def parse_selector(text: str) -> Selector:
    """Read "a=b, c!=d, e in (f,g), h notin (i), j, !k"; raises ValueError that shows the faulty part.

    Empty text selects everything.
    """
    return Selector(tuple(_terms(text)))


def _terms(text: str) -> Iterator[Requirement]:
    position = 0
    while text[position:].strip():
        term = _TERM.match(text, position)
        if term is None or (term.group().rstrip().endswith(",") and not text[term.end() :].strip()):
            raise ValueError(f"not a label selector: {text!r} at {text[position:]!r}")
        yield _requirement(term)
        position = term.end()


def _requirement(term: re.Match[str]) -> Requirement:
    if term["absent"]:
        return Requirement(term["missing"], negated=True)
    if term["operator"]:
        return Requirement(term["label"], frozenset((term["value"],)), negated=term["operator"] == "!=")
    if term["among"]:
        values = frozenset(value.strip() for value in term["values"].split(","))
        return Requirement(term["label"], values, negated=term["among"] == "notin")
    return Requirement(term["label"])
