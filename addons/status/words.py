"""What the daemons say of themselves, in words or as data: the same as on their pages, in the same order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from addons.pages.tables import is_table
from addons.pages.words import ABOUT_ITSELF, GOOD, IN_THE_WAY, title_of, words_of
from addons.status.ask import Release, Replica
from addons.status.tables import sentence, table, text_of

_INDENT = "  "
_DECISIONS = 5


def in_words(releases: Iterable[Release], *, width: int, rows: int, now: datetime) -> str:
    """All daemons as people read them, each table with some `rows`."""
    writer = _Writer(width, rows, now)
    parts = ["\n".join(writer.release(release)) for release in releases]
    return "\n\n".join(parts) + "\n"


def as_data(releases: Iterable[Release]) -> str:
    """The same as JSON."""
    found: list[dict[str, Any]] = [
        {
            "daemon": release.daemon,
            "namespace": release.namespace,
            "release": release.name,
            "complaints": release.complaints,
            "pods": [
                {
                    "pod": each.pod,
                    "node": each.node,
                    "complaint": each.complaint,
                    "toDo": each.to_do,
                    "state": each.state,
                    "decisions": list(each.decisions),
                }
                for each in release.replicas
            ],
        }
        for release in releases
    ]
    return msgspec.json.format(msgspec.json.encode({"daemons": found})).decode() + "\n"


class _Writer:
    def __init__(self, width: int, rows: int, now: datetime) -> None:
        self._width, self._rows, self._now = width, rows, now

    def release(self, release: Release) -> Iterator[str]:
        """One daemon: how it does, and of whom there is most to say."""
        where = "/".join(filter(None, (release.namespace, release.name)))
        ill = [each for each in release.replicas if each.complaint]
        yield f"{release.daemon}{f' ({where})' if where else ''}: {release.verdict}, {_count(release)}"
        if release.without_leader:
            yield f"{_INDENT}{release.without_leader}"
        for each in ill[: self._rows]:
            yield from self._ill(each)
        if len(ill) > self._rows:
            yield f"{_INDENT}and {len(ill) - self._rows} more that are not well"
        if release.is_on_every_node and len(release.replicas) > 1:
            yield from self._nodes([each for each in release.replicas if each not in ill])
            return
        for each in [each for each in release.replicas if each.leads][:1]:
            yield from self._replica(each)

    def _ill(self, replica: Replica) -> Iterator[str]:
        where = f"{replica.pod}{f' on {replica.node}' if replica.node else ''}"
        yield from sentence(f"{where}: {replica.complaint}", width=self._width, indent=_INDENT)
        if replica.to_do:
            yield from sentence(f"what to do: {replica.to_do}", width=self._width, indent=_INDENT * 2)

    def _nodes(self, well: Sequence[Replica]) -> Iterator[str]:
        """Of nodes that are well, those on which something waits; --node has the others."""
        for each in well:
            if waits := _waits(each.state):
                yield from sentence(f"{each.node}: {waits}", width=self._width, indent=_INDENT)

    def _replica(self, replica: Replica) -> Iterator[str]:
        """What the page of one daemon has, but for its settings."""
        state = replica.state
        apart = ("daemon", "leads", "dryRun", *IN_THE_WAY)
        about = {key: state[key] for key in ABOUT_ITSELF if key not in apart and state.get(key)}
        own = {key: each for key, each in state.items() if key not in (*ABOUT_ITSELF, *apart, "settings")}
        yield from self._facts(about)
        for key in ("failures", "problems"):
            yield from self._any(key, state.get(key))
        yield from self._facts({key: each for key, each in own.items() if not is_table(each)})
        for key, each in own.items():
            if is_table(each):
                yield from self._any(key, each)
        yield from self._table(
            "newestDecisions", [*map(_decision, replica.decisions)][:_DECISIONS], _DECISIONS
        )

    def _facts(self, facts: Mapping[str, object]) -> Iterator[str]:
        wide = max((len(words_of(key)) for key in facts), default=0)
        for key, each in facts.items():
            text = f"{words_of(key):<{wide}}  {text_of(each, self._now) or 'none'}"
            yield from sentence(text, width=self._width, indent=_INDENT)

    def _any(self, key: str, value: object) -> Iterator[str]:
        if isinstance(value, Mapping):
            value = [{"of": of, "message": why} for of, why in value.items()]
        if isinstance(value, list) and is_table(value):
            rows = [row for row in value if isinstance(row, Mapping)]
            yield from self._table(key, rows, self._rows)

    def _table(self, key: str, rows: Sequence[Mapping[str, object]], most: int) -> Iterator[str]:
        if not rows:
            return
        shown = sorted(rows, key=lambda row: row.get("state", GOOD[0]) in GOOD)[:most]
        counted = f"{len(shown)} of {len(rows)}" if len(rows) > len(shown) else f"{len(rows)}"
        yield f"{_INDENT}{title_of(key)} ({counted})"
        for line in table(shown, width=self._width - 2 * len(_INDENT), now=self._now):
            yield _INDENT * 2 + line


def _count(release: Release) -> str:
    count = len(release.replicas)
    if release.is_on_every_node:
        well = sum(not each.complaint for each in release.replicas)
        silent = sum(each.is_silent for each in release.replicas)
        unknown = f", {silent} not known" if silent else ""
        return f"{well} of {count} nodes well{unknown}" if release.namespace else "1 daemon"
    leaders = [each.pod for each in release.replicas if each.leads and "leads" in each.state]
    dry = any(each.state.get("dryRun") for each in release.replicas)
    words = [f"{count} replica{'s' * (count != 1)}", *(f"{leader} leads" for leader in leaders)]
    return ", ".join([*words, "dry run: nothing is changed"] if dry else words)


def _waits(state: Mapping[str, object]) -> str:
    """What is not as pods, or names, want it, as numbers."""
    found = {
        key: len(each)
        for key, each in state.items()
        if isinstance(each, list)
        and each
        and (key.startswith("waiting") or key in ("problems", "notAsWanted"))
    }
    return ", ".join(f"{words_of(key)} {number}" for key, number in found.items())


def _decision(decision: Mapping[str, object]) -> Mapping[str, object]:
    about = decision.get("object") or decision.get("key")
    return {
        "reason": decision.get("reason"),
        "message": decision.get("message"),
        "object": about,
        "when": decision.get("time"),
    }
