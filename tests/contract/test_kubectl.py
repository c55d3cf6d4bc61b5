"""What an administrator does with kubectl works, and prints what he expects."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.api import Api, Object, config_map
from tests.support.kubectl import Kubectl, require_kubectl

APP: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
}


@pytest.fixture
def kubectl(api: Api, tmp_path: Path) -> Kubectl:
    """kubectl as admin, in the test's namespace, with a discovery cache of its own."""
    binary = require_kubectl()
    options = ("--kubeconfig", str(api.kubeconfig), "--cache-dir", str(tmp_path / "cache"))
    return Kubectl((binary, *options, "--namespace", api.namespace))


class TestRead:
    async def test_get_prints_a_table(self, kubectl: Kubectl) -> None:
        await kubectl.ok("apply", "-f", "-", stdin=APP)
        header, row = (await kubectl.ok("get", "services")).splitlines()
        assert header.split() == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]
        assert row.split()[:2] == ["web", "ClusterIP"]
        assert row.split()[3:5] == ["<none>", "80/TCP"]

    async def test_get_takes_short_names_and_selectors(self, kubectl: Kubectl) -> None:
        await kubectl.ok("apply", "-f", "-", stdin=APP)
        assert await kubectl.ok("get", "svc", "-l", "app=web", "-o", "name") == "service/web"
        assert await kubectl.ok("get", "svc", "-l", "app!=web", "-o", "name") == ""

    async def test_get_of_what_is_not_there_names_it(self, kubectl: Kubectl) -> None:
        complaint = await kubectl.refused("get", "service", "web")
        assert complaint == 'Error from server (NotFound): services "web" not found'

    async def test_get_all_namespaces_names_them(self, kubectl: Kubectl, api: Api) -> None:
        await kubectl.ok("apply", "-f", "-", stdin=APP)
        table = await kubectl.ok("get", "services", "--all-namespaces")
        assert [api.namespace, "web"] in [line.split()[:2] for line in table.splitlines()]

    async def test_describe_tells_the_ports_and_the_events(self, kubectl: Kubectl, api: Api) -> None:
        await kubectl.ok("apply", "-f", "-", stdin=APP)
        uid = (await kubectl.json("service", "web"))["metadata"]["uid"]
        about = {"kind": "Service", "namespace": api.namespace, "name": "web", "uid": uid}
        event = {
            "metadata": {"name": "web.1"},
            "involvedObject": about,
            "type": "Warning",
            "reason": "BadAnnotation",
            "message": "the ttl is not a number",
        }
        await api.made("events", event)
        text = await kubectl.ok("describe", "service", "web")
        assert "http  80/TCP" in text
        assert "BadAnnotation" in text
        assert "the ttl is not a number" in text

    async def test_get_tells_what_a_container_of_a_pod_waits_for(self, kubectl: Kubectl) -> None:
        spec: Object = {"containers": [{"name": "main", "image": "nowhere"}]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}
        await kubectl.ok("apply", "-f", "-", stdin=pod)
        waits = {"waiting": {"reason": "ErrImagePull"}}
        container = {"name": "main", "image": "", "imageID": "", "ready": False, "restartCount": 0}
        status = json.dumps({"status": {"containerStatuses": [container | {"state": waits}]}})
        await kubectl.ok("patch", "pod", "web", "--subresource=status", "--type=merge", "-p", status)
        _, row = (await kubectl.ok("get", "pods")).splitlines()
        assert row.split()[:3] == ["web", "0/1", "ErrImagePull"]

    async def test_get_watch_prints_each_change(self, kubectl: Kubectl) -> None:
        await kubectl.ok("apply", "-f", "-", stdin=APP)
        async with kubectl.follow("get", "services", "--watch", "-o", "name") as line:
            assert await line() == "service/web"
            await kubectl.ok("create", "service", "clusterip", "db", "--tcp=5432")
            assert await line() == "service/db"
            await kubectl.ok("label", "service", "web", "tier=front")
            assert await line() == "service/web"

    async def test_api_resources_lists_what_there_is(self, kubectl: Kubectl) -> None:
        names = (await kubectl.ok("api-resources", "-o", "name")).split()
        assert {"pods", "ingresses.networking.k8s.io", "leases.coordination.k8s.io"} <= set(names)

    async def test_auth_can_i_answers(self, kubectl: Kubectl, api: Api) -> None:
        question = ("auth", "can-i", "create", "pods")
        assert await kubectl.ok(*question) == "yes"
        code, out, _ = await kubectl.run(*question, "--token", api.tokens["guest"])
        assert (code, out.strip()) == (1, "no")


class TestWrite:
    async def test_apply_creates_then_configures_then_leaves_alone(self, kubectl: Kubectl) -> None:
        changed = {**APP, "spec": {**APP["spec"], "ports": [{"name": "http", "port": 81}]}}
        said = [await kubectl.ok("apply", "-f", "-", stdin=each) for each in (APP, changed, changed)]
        assert said == ["service/web created", "service/web configured", "service/web unchanged"]
        assert [port["port"] for port in (await kubectl.json("service", "web"))["spec"]["ports"]] == [81]

    async def test_apply_removes_what_left_the_file(self, kubectl: Kubectl) -> None:
        await kubectl.ok("apply", "-f", "-", stdin=APP)
        bare = {**APP, "metadata": {"name": "web"}}
        await kubectl.ok("apply", "-f", "-", stdin=bare)
        assert "labels" not in (await kubectl.json("service", "web"))["metadata"]

    async def test_server_side_apply_tells_of_a_conflict(self, kubectl: Kubectl) -> None:
        settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"n": "1"}}
        apply = ("apply", "--server-side", "-f", "-")
        assert await kubectl.ok(*apply, stdin=settings) == "configmap/a serverside-applied"
        other = {**settings, "data": {"n": "2"}}
        complaint = await kubectl.refused(*apply, "--field-manager=other", stdin=other)
        assert "conflict with" in complaint
        assert ".data.n" in complaint
        await kubectl.ok(*apply, "--field-manager=other", "--force-conflicts", stdin=other)
        assert (await kubectl.json("configmap", "a"))["data"] == {"n": "2"}

    async def test_create_refuses_a_second_time(self, kubectl: Kubectl) -> None:
        create = ("create", "configmap", "a", "--from-literal=n=1")
        assert await kubectl.ok(*create) == "configmap/a created"
        complaint = await kubectl.refused(*create)
        assert complaint == 'error: failed to create configmap: configmaps "a" already exists'

    async def test_create_with_a_dry_run_stores_nothing(self, kubectl: Kubectl) -> None:
        said = await kubectl.ok("create", "configmap", "a", "--dry-run=server")
        assert said == "configmap/a created (server dry run)"
        await kubectl.refused("get", "configmap", "a")

    async def test_a_misspelt_field_is_reported(self, kubectl: Kubectl) -> None:
        wrong = {**APP, "spec": {**APP["spec"], "selectr": {}}}
        complaint = await kubectl.refused("apply", "-f", "-", stdin=wrong)
        assert 'unknown field "spec.selectr"' in complaint

    @pytest.mark.parametrize("kind", ["merge", "strategic", "json"])
    async def test_patch_takes_three_types(self, kubectl: Kubectl, kind: str) -> None:
        await kubectl.ok("create", "configmap", "a", "--from-literal=n=1")
        operation: object = {"data": {"n": "2"}}
        if kind == "json":
            operation = [{"op": "replace", "path": "/data/n", "value": "2"}]
        said = await kubectl.ok("patch", "configmap", "a", "--type", kind, "-p", json.dumps(operation))
        assert said == "configmap/a patched"
        assert (await kubectl.json("configmap", "a"))["data"] == {"n": "2"}

    async def test_patch_writes_the_status(self, kubectl: Kubectl) -> None:
        await kubectl.ok("create", "service", "loadbalancer", "web", "--tcp=80")
        status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
        await kubectl.ok("patch", "service", "web", "--subresource=status", "-p", json.dumps(status))
        row = (await kubectl.ok("get", "service", "web", "--no-headers")).split()
        assert row[3] == "192.0.2.1"

    async def test_label_and_annotate_add_and_remove(self, kubectl: Kubectl) -> None:
        await kubectl.ok("create", "configmap", "a")
        await kubectl.ok("label", "configmap", "a", "tier=front")
        await kubectl.ok("annotate", "configmap", "a", "example.org/note=hello")
        meta = (await kubectl.json("configmap", "a"))["metadata"]
        assert (meta["labels"], meta["annotations"]) == ({"tier": "front"}, {"example.org/note": "hello"})
        await kubectl.ok("label", "configmap", "a", "tier-")
        assert "labels" not in (await kubectl.json("configmap", "a"))["metadata"]

    async def test_replace_needs_the_object_to_exist(self, kubectl: Kubectl) -> None:
        settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
        complaint = await kubectl.refused("replace", "-f", "-", stdin=settings)
        assert complaint.endswith('configmaps "a" not found')

    async def test_delete_waits_until_the_object_is_gone(self, kubectl: Kubectl, api: Api) -> None:
        await kubectl.ok("create", "configmap", "a")
        said = await kubectl.ok("delete", "configmap", "a")
        assert said.startswith('configmap "a" deleted')
        assert (await api.get(api.path("configmaps", "a"))).status == 404


class TestWait:
    async def test_wait_ends_when_the_condition_holds(self, kubectl: Kubectl) -> None:
        await kubectl.ok("create", "configmap", "a")
        waiting = asyncio.create_task(
            kubectl.ok("wait", "configmap/a", "--for=jsonpath={.data.ready}=yes", "--timeout=30s")
        )
        await kubectl.ok("patch", "configmap", "a", "--type=merge", "-p", '{"data": {"ready": "yes"}}')
        assert await waiting == "configmap/a condition met"

    async def test_wait_for_deletion_ends_when_the_object_goes(self, kubectl: Kubectl, api: Api) -> None:
        held = config_map("a")
        held["metadata"]["finalizers"] = ["example.org/hold"]
        await api.made("configmaps", held)
        await kubectl.ok("delete", "configmap", "a", "--wait=false")
        waiting = asyncio.create_task(kubectl.ok("wait", "configmap/a", "--for=delete", "--timeout=30s"))
        await kubectl.ok("patch", "configmap", "a", "-p", '{"metadata": {"finalizers": null}}')
        await waiting
        assert (await api.get(api.path("configmaps", "a"))).status == 404

    async def test_wait_gives_up_in_words(self, kubectl: Kubectl) -> None:
        await kubectl.ok("create", "configmap", "a")
        condition = "--for=jsonpath={.data.ready}=yes"
        complaint = await kubectl.refused("wait", "configmap/a", condition, "--timeout=1s")
        assert "timed out waiting for the condition on configmaps/a" in complaint


class TestCustomResource:
    async def test_a_new_kind_is_usable_once_it_is_established(self, kubectl: Kubectl, api: Api) -> None:
        await api.define("things")
        name = f"things.{api.namespace}.example.org"
        await kubectl.ok("wait", f"crd/{name}", "--for=condition=Established", "--timeout=30s")
        thing = {
            "apiVersion": f"{api.namespace}.example.org/v1",
            "kind": "Thing",
            "metadata": {"name": "a"},
            "spec": {"n": 1},
        }
        assert (
            await kubectl.ok("apply", "-f", "-", stdin=thing)
            == f"thing.{api.namespace}.example.org/a created"
        )
        assert (await kubectl.json(name, "a"))["spec"] == {"n": 1}
