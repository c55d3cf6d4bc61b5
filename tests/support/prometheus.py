"""Prometheus without waiting: scrapes with their times, and what its own engine makes of alerting rules."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.metrics import MetricWrapperBase

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / ".cache" / "prometheus" / "alerts"
"""What `make prometheus` builds."""


@dataclass(frozen=True)
class Alert:
    """An alert that is pending or firing at a moment, as a receiver of alerts gets it."""

    name: str
    state: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class Evaluation:
    """The alerts of one moment."""

    at: datetime
    alerts: tuple[Alert, ...]

    @property
    def firing(self) -> set[str]:
        """The names of those that fire."""
        return {alert.name for alert in self.alerts if alert.state == "firing"}


@dataclass
class Timeline:
    """What Prometheus scraped of one target; `labels` are those of the target."""

    labels: Mapping[str, str]
    scrapes: list[tuple[datetime, str | None]] = field(default_factory=list)

    def scrape(self, at: datetime) -> None:
        """Read every metric of this process, as its daemon serves them."""
        self.scrapes.append((at, generate_latest().decode()))

    def miss(self, at: datetime) -> None:
        """Find nobody who answers."""
        self.scrapes.append((at, None))


def evaluate(rules: Mapping[str, Any], timeline: Timeline) -> list[Evaluation]:
    """What the rules make of it: the alerts after each scrape. Rules that Prometheus refuses raise."""
    scrapes = [
        {"at": round(at.timestamp() * 1000), "target": timeline.labels, "text": text}
        for at, text in timeline.scrapes
    ]
    given = json.dumps({"rules": json.dumps(rules), "scrapes": scrapes})
    done = subprocess.run([BUILT], input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(_read(done.stdout, timeline))


def _read(text: str, timeline: Timeline) -> Iterator[Evaluation]:
    for (at, _), found in zip(timeline.scrapes, json.loads(text), strict=True):
        yield Evaluation(at, tuple(Alert(**alert) for alert in found["alerts"]))


def forget_metrics() -> None:
    """Have every metric of ours as in a process that has just started."""
    for metric in set(REGISTRY._collector_to_names):
        if isinstance(metric, MetricWrapperBase):
            if metric._labelnames:
                metric.clear()
            else:
                metric._metric_init()  # type: ignore[no-untyped-call]
