"""What a Go template consists of once it is understood: each part as a function of where it is read. Pure.

An expression gives a value; an action adds its text to what was made before.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from addons.dns.desired.go_template_functions import Function
from addons.dns.desired.go_template_values import EvaluationError, Lenient, Missing, Value, text_of
from addons.dns.model.object_content import Path, key_of


class Scope(NamedTuple):
    """Where a part is read: the object, what the dot is there, and the variables by their numbers."""

    root: Mapping[str, Value]
    dot: Value
    variables: dict[int, Value]


Expression = Callable[[Scope], Value]
Action = Callable[[Scope, list[str]], None]

_MANY_ROUNDS = 1_000
"""More names than anybody gives one object: a count may come from an annotation."""


class Template(Struct, frozen=True):
    """A template that has been understood; `content` are the parts of objects that it reads by JSON keys."""

    body: Action
    content: frozenset[Path]

    def render(self, obj: Mapping[str, Value]) -> str:
        """The text for an object with the fields of templates; raises EvaluationError where it makes none."""
        made: list[str] = []
        root = {**obj, **{name: Lenient(obj[name]) for name in ("Labels", "Annotations")}}
        try:
            self.body(Scope(root, root, {}), made)
        except EvaluationError:
            raise
        except (TypeError, ValueError, OverflowError) as error:
            raise EvaluationError(str(error)) from None
        return "".join(made)


def literal(value: Value) -> Expression:
    """A text, number or truth value as it is written."""
    return lambda scope: value


def dot(scope: Scope) -> Value:
    """`.`"""
    return scope.dot


def root(scope: Scope) -> Value:
    """`$`, and the dot outside of `with` and `range`."""
    return scope.root


def variable(number: int) -> Expression:
    """`$x`, by its number."""
    return lambda scope: scope.variables[number]


def fields(value: Expression, path: Sequence[str]) -> Expression:
    """Parts of parts of a value.

    What is missing in the content of an object is a fault, wherever it stands; what is missing in labels,
    annotations and JSON texts is false in a condition.
    """
    written = "".join(f".{step}" for step in path)

    def read(scope: Scope) -> Value:
        found = value(scope)
        for step in path:
            if (key := _key(found, step)) is not None:
                found = found[key]
            elif isinstance(found, Lenient | Missing):
                return Missing(written)
            else:
                raise EvaluationError(f"the object has no {written}")
        return found

    return read


def _key(found: Value, step: str) -> str | None:
    if isinstance(found, Lenient):
        return step if step in found else None
    return key_of(found, step) if isinstance(found, Mapping) else None


def call(function: Function, arguments: Sequence[Expression]) -> Expression:
    """A function with its arguments."""

    def read(scope: Scope) -> Value:
        values = (argument(scope) for argument in arguments)
        return function.call(values) if function.is_lazy else function.call(*values)

    return read


def text(written: str) -> Action:
    """What stands outside of `{{ }}`."""
    return lambda scope, made: made.append(written)


def output(value: Expression) -> Action:
    """A value as a part of the text."""
    return lambda scope, made: made.append(text_of(value(scope)))


def assignment(number: int, value: Expression) -> Action:
    """`$x := …` and `$x = …`"""

    def act(scope: Scope, made: list[str]) -> None:
        scope.variables[number] = value(scope)

    return act


def body(actions: Sequence[Action]) -> Action:
    """Actions one after the other."""

    def act(scope: Scope, made: list[str]) -> None:
        for action in actions:
            action(scope, made)

    return act


def choice(
    condition: Expression, then: Action, otherwise: Action, *, moves_dot: bool, number: int | None
) -> Action:
    """`if`; and `with`, which `moves_dot` to the condition. A variable may get its value, by `number`."""

    def act(scope: Scope, made: list[str]) -> None:
        value = condition(scope)
        if number is not None:
            scope.variables[number] = value
        if value:
            then(scope._replace(dot=value) if moves_dot else scope, made)
        else:
            otherwise(scope, made)

    return act


def loop(collection: Expression, each: Action, otherwise: Action, numbers: Sequence[int | None]) -> Action:
    """`range`; `numbers` are those of the variables for the key and the value, where they have some."""

    def act(scope: Scope, made: list[str]) -> None:
        pairs = list(_pairs(collection(scope)))
        for pair in pairs:
            named = zip(numbers, pair, strict=True)
            scope.variables.update((number, value) for number, value in named if number is not None)
            try:
                each(scope._replace(dot=pair[1]), made)
            except _NextRound:
                continue
            except _NoMoreRounds:
                break
        if not pairs:
            otherwise(scope, made)

    return act


def _pairs(collection: Value) -> Iterator[tuple[Value, Value]]:
    """Numbers and entries of a list, keys and entries of a map by its keys, numbers up to one."""
    match collection:
        case Missing() | None:
            return
        case Mapping():
            yield from sorted(collection.items())
        case Sequence() if not isinstance(collection, str):
            yield from enumerate(collection)
        case int() if not isinstance(collection, bool):
            yield from ((number, number) for number in range(min(collection, _MANY_ROUNDS)))
        case _:
            raise EvaluationError(f"range: {collection!r} has no entries")


class _NextRound(Exception):
    pass


class _NoMoreRounds(Exception):
    pass


def next_round(scope: Scope, made: list[str]) -> None:
    """`continue`"""
    raise _NextRound


def no_more_rounds(scope: Scope, made: list[str]) -> None:
    """`break`"""
    raise _NoMoreRounds
