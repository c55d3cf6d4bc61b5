"""What the daemons say about an object, in words or as data, each decision with what to do about it."""

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Any

import msgspec

from addons.explain.daemons import Answer
from addons.explain.fixes import fix_of
from addons.runtime.decisions import Decision

ELSEWHERE = "one that runs elsewhere is asked with --url, such as --url=http://127.0.0.1:7979 for dns"
_NOTHING_TO_DO = ("nothing", "nothing:")
_WIDTH = 100


def place_of(namespace: str) -> str:
    """Where daemons were looked for: in one namespace, or everywhere."""
    return f"the namespace {namespace}" if namespace else "the cluster"


def in_words(about: str, answers: Iterable[Answer]) -> str:
    """The answers as people read them."""
    lines = [about]
    for answer in answers:
        lines += ["", *_of_answer(answer)]
    return "\n".join(lines) + "\n"


def as_data(about: str, answers: Iterable[Answer]) -> str:
    """The same as JSON."""
    found = [
        {
            "daemon": answer.daemon,
            "pod": answer.pod,
            "leads": answer.state.leads,
            "leader": answer.state.leader,
            "awsIdentity": answer.state.aws_identity,
            "problem": answer.problem,
            "toDo": answer.to_do,
            "decisions": [_data_of(answer.daemon, decision) for decision in answer.decisions],
        }
        for answer in answers
    ]
    return msgspec.json.format(msgspec.json.encode({"object": about, "answers": found})).decode() + "\n"


def _of_answer(answer: Answer) -> Iterator[str]:
    who = f"{answer.daemon} ({answer.pod})" if answer.pod else answer.daemon
    if answer.problem:
        yield f"{who} cannot tell: {answer.problem}"
        if answer.to_do:
            yield from _indented(f"what to do: {answer.to_do}")
        return
    yield f"{who}, AWS identity: {answer.state.aws_identity}" if answer.state.aws_identity else who
    if not answer.decisions:
        yield "  has decided nothing about it: it does not ask for anything, or is not among what is read"
    for decision in answer.decisions:
        yield from _of_decision(answer.daemon, decision)


def _of_decision(daemon: str, decision: Decision) -> Iterator[str]:
    yield f"  {decision.reason} ({decision.action} {decision.key})"
    yield from _indented(decision.message)
    fix = fix_of(daemon, decision.reason)
    if fix and not fix.to_do.startswith(_NOTHING_TO_DO):
        yield from _indented(f"what it means: {fix.meaning}")
        yield from _indented(f"what to do: {fix.to_do}")


def _indented(text: str) -> list[str]:
    return wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False)


def _data_of(daemon: str, decision: Decision) -> dict[str, Any]:
    fix = fix_of(daemon, decision.reason)
    more = {"means": fix.meaning, "toDo": fix.to_do} if fix else {}
    return {**msgspec.to_builtins(decision), **more}
