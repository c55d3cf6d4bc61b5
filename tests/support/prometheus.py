"""Prometheus without waiting: scrapes with their times, and what its own engine makes of alerting rules."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from addons.runtime.web import StatusServer
from docs.dashboard_panels import RELEASE
from docs.generate_dashboards import DASHBOARDS
from tests.support.charts import CHARTS, cases, only, render
from tests.support.virtual import START, virtual_now

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / ".cache" / "prometheus" / "alerts"
"""What `make prometheus` builds."""

SCRAPE_SECONDS = 30.0

Rules = Mapping[str, Any]


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
    alerts: Sequence[Alert]

    @property
    def firing(self) -> set[str]:
        """The names of those that fire."""
        return {alert.name for alert in self.alerts if alert.state == "firing"}


class Evaluations(list[Evaluation]):
    """The alerts of all moments, and what of the dashboard had nothing to show at any of them."""

    unanswered: set[str]


@dataclass
class Prometheus:
    """Scrapes one pod of a release on virtual time, and evaluates the rules of its chart afterwards."""

    chart: str
    scrapes: list[tuple[datetime, str | None]] = field(default_factory=list)
    answers: bool = True

    @asynccontextmanager
    async def watching(self, server: StatusServer) -> AsyncIterator[None]:
        """Serve the status of a daemon, and scrape it every half minute."""
        stopping = asyncio.Event()
        serving = asyncio.create_task(server.serve(stopping))
        scraping = asyncio.create_task(self._scrape_for_ever(server))
        try:
            yield
        finally:
            scraping.cancel()
            stopping.set()
            await serving

    async def outage(self, seconds: float) -> None:
        """Find nobody who answers for a while."""
        self.answers = False
        await asyncio.sleep(seconds)
        self.answers = True

    def evaluate(self) -> Evaluations:
        """The alerts after each scrape. Rules and queries of the dashboard that Prometheus refuses raise."""
        release = {"namespace": "kube-system", "service": f"aws-{self.chart}"}
        target = release | {"pod": f"aws-{self.chart}-0", "instance": "10.0.0.1", "job": self.chart}
        scrapes = [
            {"at": round(at.timestamp() * 1000), "target": target, "text": text} for at, text in self.scrapes
        ]
        rules, asked = json.dumps(rules_of(self.chart)), panels_of(self.chart)
        given = json.dumps({"rules": rules, "queries": list(asked), "scrapes": scrapes})
        done = subprocess.run([COMMAND], input=given, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        found = Evaluations(self._read(result["evaluations"]))
        found.unanswered = set(asked.values()) - {asked[query] for query in result["answered"]}
        return found

    async def _scrape_for_ever(self, server: StatusServer) -> None:
        while server.address is None:
            await asyncio.sleep(0)
        async with aiohttp.ClientSession() as session:
            host, port = server.address
            while True:
                async with session.get(f"http://{host}:{port}/metrics") as reply:
                    text = await reply.text()
                self.scrapes.append((virtual_now(), text if self.answers else None))
                await asyncio.sleep(SCRAPE_SECONDS)

    def _read(self, evaluations: Sequence[Any]) -> Iterator[Evaluation]:
        for (at, _), found in zip(self.scrapes, evaluations, strict=True):
            yield Evaluation(at, [Alert(**alert) for alert in found["alerts"]])


def firing(found: Sequence[Evaluation], first: float = 0, last: float = inf) -> set[str]:
    """What fires at any time from one minute to another."""
    minutes = [(evaluation.at - START) / timedelta(minutes=1) for evaluation in found]
    at = [each.firing for minute, each in zip(minutes, found, strict=True) if first <= minute < last]
    return set().union(*at)


def rules_of(chart: str) -> Rules:
    """The alerting rules that a chart makes when it is told to."""
    rules: Rules = only(render(cases(chart)["monitoring"], CHARTS / chart), "PrometheusRule")["spec"]
    return rules


def panels_of(chart: str) -> dict[str, str]:
    """Each query of the dashboard of a chart, about the release that is scraped -> what it shows."""
    (dashboard,) = [each for each in DASHBOARDS if each.daemon == chart]
    ours = f'namespace="kube-system",service="aws-{chart}"'
    return {
        query.text.replace(RELEASE, ours): f"{panel.question} {query.legend}"
        for _, panels in dashboard.rows
        for panel in panels
        for query in panel.queries
    }


def alerts_of(chart: str) -> list[str]:
    """The names of all alerts of a chart."""
    return [rule["alert"] for group in rules_of(chart)["groups"] for rule in group["rules"]]


def forget_metrics() -> None:
    """Have every metric of ours as in a process that has just started."""
    for metric in set(REGISTRY._collector_to_names):
        if isinstance(metric, MetricWrapperBase):
            if metric._labelnames:
                metric.clear()
            else:
                metric._metric_init()  # type: ignore[no-untyped-call]
