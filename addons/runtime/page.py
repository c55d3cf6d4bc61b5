"""The status page for people: plain HTML without scripts, which reloads itself; every text is escaped."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from urllib.parse import urlencode

from addons.runtime.clock import rfc3339
from addons.runtime.decisions import Decision

_BREAKS = re.compile("/|::")
"""Behind these a long name or ARN may go on in the next line."""

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 100rem; margin: 2rem auto; padding: 0 1rem }
.box { overflow-x: auto; margin-bottom: 1.5rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; max-width: 40rem;
  border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); overflow-wrap: break-word }
h3 { margin: 0; font-size: 1rem }
table table tr:last-child > td { border: 0 }
th { font-weight: 600 }
time { white-space: nowrap }
td.number { text-align: right }
.ready { color: light-dark(#137333, #81c995) }
.unready { color: light-dark(#b3261e, #f2b8b5) }
"""


def render(name: str, complaint: str, state: object, decisions: Sequence[Decision]) -> str:
    """Give the page: whether the daemon is ready or why not, its state as tables, its newest decisions."""
    verdict = (
        f'<p class="unready">Not ready: {escape(complaint)}</p>'
        if complaint
        else '<p class="ready">Ready</p>'
    )
    return "\n".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta http-equiv="refresh" content="10">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(name)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(name)}</h1>{verdict}{_standby(state)}",
            "<h2>State</h2>",
            *_state(state),
            "<h2>Newest decisions</h2>",
            _decisions(decisions),
            '<p><a href="/">All</a> · <a href="/api/state">State</a> and'
            ' <a href="/api/decisions">decisions</a> as JSON · <a href="/metrics">Metrics</a></p>',
            "</body></html>",
        )
    )


def _standby(state: object) -> str:
    """Say that another replica does the work: what is shown below is not what happens."""
    if not isinstance(state, Mapping) or state.get("leads", True):
        return ""
    leader = state.get("leader")
    leads = f"{escape(str(leader))} leads" if leader else "it is not known who leads"
    return f'<p class="unready">Stands by: {leads}</p>'


def _state(state: object) -> Iterator[str]:
    """Show what is short as the rows of one table, and each table of the state by itself."""
    if not isinstance(state, Mapping):
        yield _boxed(_value(state))
        return
    tables = {key: value for key, value in state.items() if value and _is_table(value)}
    rows = ((escape(_words(key)), _value(value)) for key, value in state.items() if key not in tables)
    yield _boxed(_table((), rows))
    for key, value in tables.items():
        yield f"<h3>{escape(_words(key))}</h3>{_boxed(_value(value))}"


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and any(isinstance(x, Mapping) for x in value)
    )


def _boxed(table: str) -> str:
    """Have a table that is too wide for the screen scroll by itself."""
    return f'<div class="box">{table}</div>'


def _value(value: object) -> str:
    """Show data: a mapping as rows, a list of mappings as a table with a column for each of their keys."""
    match value:
        case Mapping():
            if not value:
                return "none"
            return _table((), ((escape(_words(key)), _value(item)) for key, item in value.items()))
        case list() if rows := [row for row in value if isinstance(row, Mapping)]:
            columns = sorted(dict.fromkeys(key for row in rows for key in row), key=_is_no_reason)
            cells = ([_value(row.get(column)) for column in columns] for row in rows)
            return _table([_words(column) for column in columns], cells)
        case list():
            return "<br>".join(map(_value, value)) or "none"
        case None | "":
            return "none"
        case bool():
            return "yes" if value else "no"
    return _BREAKS.sub(r"\g<0><wbr>", escape(str(value)))


def _is_no_reason(column: object) -> bool:
    """Sort the reason first: it is what a narrow screen has to show."""
    return column != "reason"


def _words(key: object) -> str:
    """Write a camelCase key as people do: "notReady" is "not ready"."""
    return re.sub("([a-z])([A-Z])", lambda found: f"{found[1]} {found[2].lower()}", str(key))


def _decisions(decisions: Iterable[Decision]) -> str:
    rows = [
        (
            escape(one.reason),
            escape(one.message) + (f"; again at {rfc3339(one.retry_at)}" if one.retry_at else ""),
            _object_link(one.object),
            escape(one.action),
            f'<time datetime="{rfc3339(one.time)}">{rfc3339(one.time)}</time>',
            f"{one.count}",
        )
        for one in decisions
    ]
    return (
        _boxed(_table(("reason", "message", "object", "action", "time", "times"), rows))
        if rows
        else "<p>None yet.</p>"
    )


def _object_link(about: str) -> str:
    return f'<a href="/?{escape(urlencode({"object": about}))}">{escape(about)}</a>' if about else ""


def _table(head: Sequence[object], rows: Iterable[Sequence[str]]) -> str:
    """Make a table; the cells are HTML already, the head is not."""
    heading = "".join(f"<th>{escape(str(cell))}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table>"
