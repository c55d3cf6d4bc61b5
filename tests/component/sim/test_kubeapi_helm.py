"""A real Helm installs, upgrades, rolls back and removes a chart on the API emulator."""

import asyncio
from pathlib import Path

import pytest

from addons.sim.kubeapi.server import KubeApi

helm = pytest.importorskip("helm_python", reason="Helm is packaged for amd64 only")

CHART = "apiVersion: v2\nname: web\nversion: 0.1.0\n"
TEMPLATES = """
apiVersion: v1
kind: ConfigMap
metadata: {name: web, labels: {app: web}}
data: {size: "{{ .Values.size }}"}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: web}
rules: [{apiGroups: [""], resources: [services], verbs: [list]}]
"""


def write_chart(folder: Path) -> Path:
    (folder / "templates").mkdir()
    (folder / "Chart.yaml").write_text(CHART)
    (folder / "values.yaml").write_text("size: small\n")
    (folder / "templates" / "all.yaml").write_text(TEMPLATES)
    return folder


async def test_the_life_of_a_release(tmp_path: Path) -> None:
    chart = write_chart(tmp_path)
    async with KubeApi(tls=True, tokens={}) as api:

        def size() -> object:
            return api.store.get("v1", "configmaps", "default", "web")["data"]["size"]

        with helm.Config(kubeconfig_content=api.kubeconfig(), namespace="default") as config:
            await asyncio.to_thread(config.install, chart, "web", {}, wait="hookOnly")
            assert size() == "small"
            await asyncio.to_thread(config.upgrade, chart, "web", {"size": "large"}, wait="hookOnly")
            assert size() == "large"
            await asyncio.to_thread(config.rollback, "web", version=1, wait="hookOnly")
            assert size() == "small"
            await asyncio.to_thread(config.uninstall, "web")
            assert api.store.list("v1", "configmaps") == []
            assert api.store.list("v1", "secrets") == []
