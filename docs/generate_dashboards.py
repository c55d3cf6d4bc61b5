"""Write the Grafana dashboards of the charts, charts/*/dashboards, from docs/dashboards_of_*.py."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from docs.dashboard_panels import Dashboard, Panel
from docs.dashboards_of_clusters import ALBINGRESS, AUTOSCALER, DNS
from docs.dashboards_of_nodes import CNI, IAMPROXY

CHARTS = Path(__file__).resolve().parents[1] / "charts"

DASHBOARDS = (ALBINGRESS, AUTOSCALER, CNI, DNS, IAMPROXY)

_ACROSS, _HEIGHT, _SCREEN = 8, 8, 24
_PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}

Json = dict[str, Any]


def texts() -> dict[Path, str]:
    """The files as they should be."""
    return {
        CHARTS / each.daemon / "dashboards" / f"aws-{each.daemon}.json": _text(each) for each in DASHBOARDS
    }


def _text(dashboard: Dashboard) -> str:
    return json.dumps(_dashboard(dashboard), indent=1) + "\n"


def _dashboard(dashboard: Dashboard) -> Json:
    return {
        "uid": f"aws-addons-{dashboard.daemon}",
        "title": f"AWS add-ons: {dashboard.daemon}",
        "description": f"What {dashboard.daemon} of aws-cluster-addons does, and what keeps it from it.",
        "tags": ["aws-addons", dashboard.daemon],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": _variables(dashboard)},
        "panels": list(_panels(dashboard)),
    }


def _variables(dashboard: Dashboard) -> list[Json]:
    """Each is looked for among what the ones before it have left."""
    metric = dashboard.known_by
    found = f'{metric}{{cluster=~"$cluster"}}'
    of_namespace = f'{metric}{{cluster=~"$cluster",namespace="$namespace"}}'
    cluster = _variable("cluster", f"label_values({metric}, cluster)")
    return [
        {"name": "datasource", "label": "data source", "type": "datasource", "query": "prometheus"},
        cluster | {"includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}},
        _variable("namespace", f"label_values({found}, namespace)"),
        _variable("service", f"label_values({of_namespace}, service)"),
    ]


def _variable(name: str, query: str) -> Json:
    return {
        "name": name,
        "label": name,
        "type": "query",
        "datasource": _PROMETHEUS,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
    }


def _panels(dashboard: Dashboard) -> Iterator[Json]:
    numbers, top = count(1), 0
    for title, panels in dashboard.rows:
        place = {"x": 0, "y": top, "w": _SCREEN, "h": 1}
        yield {"id": next(numbers), "type": "row", "title": title, "gridPos": place, "panels": []}
        top += 1
        for number, panel in enumerate(panels):
            line, column = divmod(number, _SCREEN // _ACROSS)
            at = {"x": column * _ACROSS, "y": top + line * _HEIGHT, "w": _ACROSS, "h": _HEIGHT}
            yield _panel(panel, next(numbers), at)
        top += -(-len(panels) // (_SCREEN // _ACROSS)) * _HEIGHT


def _panel(panel: Panel, number: int, place: Json) -> Json:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.question,
        "description": panel.look,
        "datasource": _PROMETHEUS,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": query.text, "legendFormat": query.legend}
            for index, query in enumerate(panel.queries)
        ],
    }


if __name__ == "__main__":
    for path, text in texts().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
