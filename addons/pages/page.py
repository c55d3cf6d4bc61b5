"""The status page for people: plain HTML without scripts, which reloads itself.

It answers in the order of a reader's questions: is the daemon ready, what is in the way, what does it hold
and who waits, what has it decided. Nothing of that is behind a click.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files

from addons.pages.tables import Asked, facts, is_table, table
from addons.pages.words import ABOUT_ITSELF, IN_THE_WAY, title_of

_STYLE = (files("addons.pages") / "page.css").read_text(encoding="utf-8")
_REFRESH_SECONDS = 10
_MOST_DECISIONS = 25

State = Mapping[str, object]


def render(name: str, complaint: str, state: State, decisions: Sequence[State], asked: Asked) -> str:
    """Give the page: whether the daemon is ready or why not, its state as tables, its newest decisions."""
    title = f"{name}: {'not ready' if complaint else 'ready'}"
    refresh = "" if asked.still else f'<meta http-equiv="refresh" content="{_REFRESH_SECONDS}">'
    about = {key: state[key] for key in ABOUT_ITSELF[3:] if state.get(key)}
    return "\n".join(
        (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8">{refresh}',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(name)}</h1>{_verdict(complaint)}",
            *_instead(state),
            facts(about, asked),
            _filter(asked),
            *_in_the_way(state, asked),
            *_sections(state, asked),
            *_decisions(decisions, asked),
            *_settings(state, asked),
            _footer(asked),
            "</body></html>",
        )
    )


def _verdict(complaint: str) -> str:
    if complaint:
        return f'<p class="banner"><span class="unready">Not ready:</span> {escape(complaint)}</p>'
    return '<p class="ready">Ready</p>'


def _instead(state: State) -> Iterator[str]:
    """Say that another replica does the work, or that none is done: what is below is not what happens."""
    if not state.get("leads", True):
        leader = state.get("leader")
        said = f"{leader} leads" if leader else "it is not known who leads"
        yield f'<p class="banner">Stands by: {escape(said)}</p>'
    if state.get("dryRun"):
        yield '<p class="banner">Dry run: nothing is changed</p>'


def _filter(asked: Asked) -> str:
    """A field to look for any text in all tables, and the way back."""
    hidden = (("object", asked.object), ("still", asked.still))
    kept = "".join(
        f'<input type="hidden" name="{key}" value="{escape(text)}">' for key, text in hidden if text
    )
    back = f'<a href="{asked.link(object="", q="")}">Show all</a>' if asked.object or asked.q else ""
    hint = "Rows with this text"
    return (
        f'<form>{kept}<input type="search" name="q" value="{escape(asked.q)}" placeholder="{hint}"'
        f' aria-label="{hint}"><button>Show</button>{back}</form>'
    )


def _in_the_way(state: State, asked: Asked) -> Iterator[str]:
    found = [state[key] for key in IN_THE_WAY if state.get(key) and key != "notReady"]  # which is on top
    yield "<h2>In the way</h2>"
    if not found:
        yield "<p>Nothing.</p>"
    for value in found:
        if isinstance(value, Mapping):
            yield table([{"of": of, "message": why} for of, why in value.items()], asked)
        elif isinstance(value, list) and is_table(value):
            yield table(value, asked)
        else:
            yield f"<p>{escape(str(value))}</p>"


def _sections(state: State, asked: Asked) -> Iterator[str]:
    """Show what is short as one list, and each table of the state by itself."""
    apart = (*ABOUT_ITSELF, *IN_THE_WAY, "settings")
    own = {key: value for key, value in state.items() if key not in apart}
    if short := {key: value for key, value in own.items() if not is_table(value)}:
        yield f"<h2>State</h2>{facts(short, asked)}"
    for key, value in own.items():
        if isinstance(value, list) and is_table(value):
            yield f"<h2>{escape(title_of(key))} <small>{len(value)}</small></h2>{table(value, asked)}"


def _decisions(decisions: Sequence[State], asked: Asked) -> Iterator[str]:
    yield f"<h2>Newest decisions{f' on {escape(asked.object)}' if asked.object else ''}</h2>"
    rows = [
        {
            "reason": one["reason"],
            "message": one["message"] if one["object"] else f"{one['key']}: {one['message']}",
            "object": one["object"],
            "action": one["action"],
            "when": one["time"],
            "again": one.get("retryAt"),
            "times": one["count"],
        }
        for one in decisions
    ]
    yield table(rows, asked, _MOST_DECISIONS) if rows else "<p>None yet.</p>"


def _settings(state: State, asked: Asked) -> Iterator[str]:
    settings = state.get("settings")
    if isinstance(settings, Mapping) and settings:
        yield f"<h2>Settings</h2>{facts(settings, asked)}"


def _footer(asked: Asked) -> str:
    made = asked.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    again = f'anew every {_REFRESH_SECONDS} s · <a href="{asked.link(still="1")}">stand still</a>'
    if asked.still:
        again = f'standing still · <a href="{asked.link(still="")}">go on</a>'
    return (
        f'<footer>As of <time datetime="{made}">{made}</time>, {again}<br>'
        'As JSON: <a href="/api/state">state</a>, <a href="/api/decisions">decisions</a>'
        ' · <a href="/metrics">metrics</a></footer>'
    )
