"""Write docs/settings.md and docs/metrics.md from the code: every Config, and every declared metric."""

import importlib
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from addons.registry import config_of, daemons, prefixes_of
from addons.runtime.setting_docs import settings_table

ROOT = Path(__file__).resolve().parents[1]
_BY_HAND = "Written by `make docs` from the code; do not edit by hand.\n"


def generate() -> dict[Path, str]:
    """Give the text of both pages, without writing them."""
    return {
        ROOT / "docs" / "settings.md": "\n".join(_settings_page()),
        ROOT / "docs" / "metrics.md": "\n".join(_metrics_page()),
    }


def _settings_page() -> Iterator[str]:
    yield "# Settings\n"
    yield _BY_HAND
    yield (
        "Flag > environment > `--config` file > default. Lists: repeat the flag, or use commas. Boolean flags"
        " have a\n`--no-` form. Durations are written as `90s`, `15m`, `1h30m`.\n"
    )
    for name in daemons():
        prefixes = prefixes_of(name)
        yield f"## {name}\n"
        yield f"Environment variables begin with {' or '.join(f'`{prefix}`' for prefix in prefixes)}.\n"
        yield settings_table(config_of(name), prefixes).strip() + "\n"


def _metrics_page() -> Iterator[str]:
    yield "# Metrics\n"
    yield _BY_HAND
    yield "Served at `/metrics` on the port of the daemon, beside those of the Python process.\n"
    yield "| metric | type | labels | meaning |"
    yield "|---|---|---|---|"
    for collector in sorted(_metrics(), key=lambda metric: str(metric._name)):
        name = collector._name + ("_total" if collector._type == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in collector._labelnames)
        yield f"| `{name}` | {collector._type} | {labels} | {collector._documentation} |"
    yield ""


def _metrics() -> list[MetricWrapperBase]:
    """Every metric that a module of ours declares; importing the module is what declares it."""
    for path in sorted((ROOT / "addons").glob("*/**/*.py")):
        if path.relative_to(ROOT / "addons").parts[0] in ("runtime", *daemons()):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return [metric for metric in REGISTRY._collector_to_names if isinstance(metric, MetricWrapperBase)]


if __name__ == "__main__":
    for page, text in generate().items():
        page.write_text(text)
