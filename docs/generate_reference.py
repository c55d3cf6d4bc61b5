"""Write docs/settings.md, docs/metrics.md, docs/adr/README.md, and the annotations of albingress's manual."""

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from addons.albingress.desired.annotations import SETTINGS
from addons.albingress.names import LISTENER_ATTRIBUTES
from addons.registry import config_of, daemons, prefixes_of
from addons.runtime.setting_docs import settings_table

ROOT = Path(__file__).resolve().parents[1]
MANUAL = ROOT / "addons" / "albingress" / "README.md"
_BEGIN, _END = "<!-- annotations -->", "<!-- end of annotations -->"
_SUFFIXES = {LISTENER_ATTRIBUTES: ".PROTOCOL-PORT"}
"""What stands behind the dot; with others it is the name of a backend."""

_BY_HAND = "Written by `make docs` from the code; do not edit by hand.\n"


def generate() -> dict[Path, str]:
    """Give the text of the pages, without writing them."""
    return {
        ROOT / "docs" / "settings.md": "\n".join(_settings_page()),
        ROOT / "docs" / "metrics.md": "\n".join(_metrics_page()),
        ROOT / "docs" / "adr" / "README.md": "\n".join(_decisions_page()),
        MANUAL: _between_marks(MANUAL.read_text(), "\n".join(_annotations())),
    }


def _between_marks(page: str, table: str) -> str:
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    return f"{before}{begin}\n{table}\n{end}{after}"


def _annotations() -> Iterator[str]:
    """A row for every annotation that albingress reads."""
    yield "| annotation | on | what it does |"
    yield "|---|---|---|"
    for setting in SETTINGS:
        where = "Ingress, Service" if setting.place == "both" else "Ingress"
        suffix = _SUFFIXES.get(setting.key, ".NAME") if setting.is_family else ""
        yield f"| `{setting.key}{suffix}` | {where} | {setting.about} |"


def _settings_page() -> Iterator[str]:
    yield "# Settings\n"
    yield _BY_HAND
    yield "How they are given: [what all five share](conventions.md#settings).\n"
    for name in daemons():
        prefixes = prefixes_of(name)
        yield f"## {name}\n"
        yield f"Environment variables begin with {' or '.join(f'`{prefix}`' for prefix in prefixes)}.\n"
        yield settings_table(config_of(name), prefixes).strip() + "\n"


def _decisions_page() -> Iterator[str]:
    """A row for every decision about the architecture, with what became of it."""
    yield "# Decisions\n"
    yield "Why it is so: what was weighed, what was chosen, and what that costs. Written by `make docs`.\n"
    yield "| decision | status |"
    yield "|---|---|"
    for path in sorted((ROOT / "docs" / "adr").glob("0*.md")):
        title, _, status = path.read_text().splitlines()[:3]
        yield f"| [{title.removeprefix('# ')}]({path.name}) | {status.removeprefix('Status: ')} |"
    yield ""


def _metrics_page() -> Iterator[str]:
    yield "# Metrics\n"
    yield _BY_HAND
    yield "Served at `/metrics` on the port of the daemon, beside those of the Python process.\n"
    yield "| metric | type | labels | meaning |"
    yield "|---|---|---|---|"
    yield from sorted(_metrics())
    yield ""


def _metrics() -> Iterator[str]:
    """A row for every metric that a module of ours declares; importing the module is what declares it."""
    for path in sorted((ROOT / "addons").glob("*/**/*.py")):
        if path.relative_to(ROOT / "addons").parts[0] in ("runtime", *daemons()):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for collector in REGISTRY._collector_to_names:
        if isinstance(collector, MetricWrapperBase):
            name = collector._name + ("_total" if collector._type == "counter" else "")
            yield _row(name, str(collector._type), collector._labelnames, collector._documentation)
        elif type(collector).__module__.startswith("addons."):
            for family in collector.collect():
                yield _row(family.name, family.type, getattr(family, "_labelnames", ()), family.documentation)


def _row(name: str, type_: str, labels: Sequence[str], words: str) -> str:
    return f"| `{name}` | {type_} | {', '.join(f'`{label}`' for label in labels)} | {words} |"


if __name__ == "__main__":
    for page, text in generate().items():
        page.write_text(text)
