"""What is special about single kinds: Service, Lease, Eviction, Event, Namespace, custom resources."""

from base64 import b64encode
from datetime import UTC, datetime
from ipaddress import IPv4Address

import pytest

from addons.admission.certificates import new_authority
from tests.support.api import APPLY, MERGE, STRATEGIC, Api, Object, Reply, pod, service
from tests.support.cluster import NODE_PORTS

PEM = b64encode(new_authority("localhost", datetime.now(UTC)).certificate).decode()


class TestService:
    async def test_a_cluster_ip_and_the_defaults_are_filled_in(self, api: Api) -> None:
        spec = (await api.made("services", service("a")))["spec"]
        assert (spec["type"], spec["sessionAffinity"], spec["clusterIPs"]) == (
            "ClusterIP",
            "None",
            [spec["clusterIP"]],
        )
        assert IPv4Address(spec["clusterIP"]).is_private
        assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
        assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")

    async def test_addresses_differ(self, api: Api) -> None:
        made = [await api.made("services", service(name)) for name in ("a", "b")]
        assert len({each["spec"]["clusterIP"] for each in made}) == 2

    async def test_a_headless_service_has_none(self, api: Api) -> None:
        spec = (await api.made("services", service("a", clusterIP="None")))["spec"]
        assert (spec["clusterIP"], spec["clusterIPs"]) == ("None", ["None"])

    async def test_a_load_balancer_and_a_node_port_have_a_port_on_every_node(self, api: Api) -> None:
        for kind in ("LoadBalancer", "NodePort"):
            spec = (await api.made("services", service(kind.lower(), type=kind)))["spec"]
            assert 30000 <= spec["ports"][0]["nodePort"] <= 32767
            assert spec["externalTrafficPolicy"] == "Cluster"

    async def test_more_node_ports_than_there_are_is_an_error_of_the_server_and_takes_none(
        self, api: Api
    ) -> None:
        ports = [{"name": f"p{number}", "port": number} for number in range(1, len(NODE_PORTS) + 2)]
        reply = await api.create("services", service("a", type="NodePort", ports=ports))
        why = "failed to allocate a nodePort: range is full"
        assert (reply.status, reply.reason) == (500, "InternalError")
        assert reply.body["message"] == f"Internal error occurred: {why}"
        assert reply.body["details"] == {"causes": [{"message": why}]}
        await api.made("services", service("a", type="NodePort"))

    @pytest.mark.parametrize("number", [80, NODE_PORTS.start - 1, NODE_PORTS.stop, 65_535])
    async def test_a_node_port_outside_of_the_range_is_invalid(self, api: Api, number: int) -> None:
        ports = [{"port": 80, "nodePort": number}]
        reply = await api.create("services", service("a", type="NodePort", ports=ports))
        assert (reply.status, reply.reason) == (422, "Invalid")
        wanted = f"The range of valid ports is {NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
        assert reply.body["details"]["causes"] == [
            {
                "field": "spec.ports[0].nodePort",
                "message": f"Invalid value: {number}: provided port is not in the valid range. {wanted}",
                "reason": "FieldValueInvalid",
            }
        ]

    async def test_a_dry_run_takes_no_node_port(self, api: Api) -> None:
        spec = (await api.made("services", service("free", type="NodePort")))["spec"]
        await api.delete(api.path("services", "free"))
        tried = service("a", type="NodePort", ports=spec["ports"])
        for _ in range(2):
            assert (await api.create("services", tried, dryRun="All")).status == 201

    async def test_an_external_name_has_no_address(self, api: Api) -> None:
        spec = (await api.made("services", service("a", type="ExternalName", externalName="example.org")))[
            "spec"
        ]
        assert "clusterIP" not in spec
        assert spec["externalName"] == "example.org"

    async def test_a_service_without_ports_is_invalid(self, api: Api) -> None:
        reply = await api.create("services", service("a", ports=[]))
        assert (reply.status, reply.reason) == (422, "Invalid")
        assert reply.body["details"]["causes"][0]["field"] == "spec.ports"

    async def test_the_cluster_ip_cannot_change(self, api: Api) -> None:
        await api.made("services", service("a"))
        reply = await api.patch(api.path("services", "a"), {"spec": {"clusterIP": "10.96.200.200"}})
        assert (reply.status, reply.reason) == (422, "Invalid")

    async def test_the_load_balancer_is_reported_in_the_status(self, api: Api) -> None:
        await api.made("services", service("a", type="LoadBalancer"))
        status = {"loadBalancer": {"ingress": [{"hostname": "lb.example.org"}]}}
        reply = await api.patch(api.path("services", "a") + "/status", {"status": status})
        assert reply.body["status"] == status


class TestMutatingWebhookConfiguration:
    PATH = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"

    async def test_whom_to_trust_is_told_by_another_than_who_made_it(self, api: Api) -> None:
        hook = {
            "name": "a.example.org",
            "clientConfig": {"url": "https://localhost:1/mutate"},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Ignore",
            "objectSelector": {"matchLabels": {"never": "there"}},
        }
        named = {"metadata": {"name": api.namespace}}
        path = f"{self.PATH}/{api.namespace}"
        try:
            made = await api.call("POST", self.PATH, {**named, "webhooks": [hook]})
            assert made.status == 201
            told = {"name": "a.example.org", "clientConfig": {"caBundle": PEM}}
            body = {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "MutatingWebhookConfiguration",
                **named,
                "webhooks": [told],
            }
            reply = await api.patch(path, body, APPLY, fieldManager="authority", force="true")
            (found,) = reply.body["webhooks"]
            assert found["clientConfig"] == {"url": "https://localhost:1/mutate", "caBundle": PEM}
            assert (found["failurePolicy"], found["sideEffects"]) == ("Ignore", "None")
        finally:
            await api.delete(path)


class TestLease:
    LEASES = "coordination.k8s.io/v1/leases"

    async def test_of_two_who_take_the_same_version_one_gets_a_conflict(self, api: Api) -> None:
        made = await api.made(self.LEASES, {"metadata": {"name": "a"}, "spec": {"leaseDurationSeconds": 15}})
        version = made["metadata"]["resourceVersion"]
        replies = [await self.take(api, holder, version) for holder in ("one", "two")]
        assert [reply.status for reply in replies] == [200, 409]
        assert (await api.get(api.path(self.LEASES, "a"))).body["spec"]["holderIdentity"] == "one"

    async def test_micro_times_keep_their_six_digits(self, api: Api) -> None:
        spec = {"renewTime": "2026-01-02T03:04:05.000600Z", "acquireTime": "2026-01-02T03:04:05.123456Z"}
        made = await api.made(self.LEASES, {"metadata": {"name": "a"}, "spec": spec})
        assert made["spec"] == spec

    @pytest.mark.parametrize("time", ["2026-01-02T03:04:05", "2026-01-02T03:04:05Z"])
    async def test_a_time_without_zone_or_fraction_is_a_bad_request(self, api: Api, time: str) -> None:
        reply = await api.create(self.LEASES, {"metadata": {"name": "a"}, "spec": {"renewTime": time}})
        assert (reply.status, reply.reason) == (400, "BadRequest")

    async def take(self, api: Api, holder: str, version: str) -> Reply:
        """Write the holder by a merge patch that is void once the version has moved."""
        patch = {"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": holder}}
        return await api.patch(api.path(self.LEASES, "a"), patch, MERGE)


class TestEviction:
    BUDGETS = "policy/v1/poddisruptionbudgets"

    async def running(self, api: Api, *names: str) -> None:
        """Make pods that run and are ready."""
        for name in names:
            await api.made("pods", pod(name, {"app": "web"}, node="n1"))
            ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
            await api.patch(api.path("pods", name) + "/status", {"status": ready}, STRATEGIC)

    async def budget(self, api: Api, minimum: int) -> None:
        """Demand that this many of the pods stay available."""
        spec = {"minAvailable": minimum, "selector": {"matchLabels": {"app": "web"}}}
        await api.made(self.BUDGETS, {"metadata": {"name": "web"}, "spec": spec})

    async def evict(self, api: Api, name: str) -> Reply:
        """Ask for the eviction of a pod."""
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        return await api.call("POST", api.path("pods", name) + "/eviction", body)

    async def test_without_a_budget_the_pod_goes(self, api: Api) -> None:
        await self.running(api, "a")
        reply = await self.evict(api, "a")
        assert (reply.status, reply.body["status"]) == (201, "Success")
        assert (await api.get(api.path("pods", "a"))).meta["deletionTimestamp"]

    async def test_a_budget_that_is_spent_refuses_with_too_many_requests(self, api: Api) -> None:
        await self.running(api, "a")
        await self.budget(api, minimum=1)
        reply = await api.until(
            lambda: self.evict(api, "a"), lambda reply: "still being processed" not in str(reply.body)
        )
        assert (reply.status, reply.reason) == (429, "TooManyRequests")
        assert reply.body["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
        cause = reply.body["details"]["causes"][0]
        assert cause["reason"] == "DisruptionBudget"
        assert cause["message"] == "The disruption budget web needs 1 healthy pods and has 1 currently"
        assert "deletionTimestamp" not in (await api.get(api.path("pods", "a"))).meta

    async def test_a_budget_with_room_lets_one_go_and_holds_the_next(self, api: Api) -> None:
        await self.running(api, "a", "b")
        await self.budget(api, minimum=1)
        await api.until(lambda: self.evict(api, "a"), lambda reply: reply.status == 201)
        assert (await self.evict(api, "b")).status == 429

    async def test_an_evicted_pod_says_so_in_its_status(self, api: Api) -> None:
        await self.running(api, "a")
        await self.evict(api, "a")
        conditions = (await api.get(api.path("pods", "a"))).body["status"]["conditions"]
        (told,) = [each for each in conditions if each["type"] == "DisruptionTarget"]
        assert (told["status"], told["reason"]) == ("True", "EvictionByEvictionAPI")

    async def test_a_pod_that_leaves_already_is_evicted_again_and_again(self, api: Api) -> None:
        await self.running(api, "a", "b")
        await self.budget(api, minimum=1)
        await api.until(lambda: self.evict(api, "a"), lambda reply: reply.status == 201)
        assert (await self.evict(api, "b")).status == 429
        assert (await self.evict(api, "a")).status == 201

    async def test_a_pod_that_has_not_begun_is_free_whatever_its_budgets_are(self, api: Api) -> None:
        await api.made("pods", pod("a", {"app": "web"}))
        await self.budget(api, minimum=1)
        other = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
        await api.made(self.BUDGETS, {"metadata": {"name": "other"}, "spec": other})
        assert (await self.evict(api, "a")).status == 201

    async def test_two_budgets_of_a_running_pod_are_an_error_of_the_server(self, api: Api) -> None:
        await self.running(api, "a")
        await self.budget(api, minimum=0)
        other = {"minAvailable": 0, "selector": {"matchLabels": {"app": "web"}}}
        await api.made(self.BUDGETS, {"metadata": {"name": "other"}, "spec": other})
        reply = await self.evict(api, "a")
        assert reply.status == 500
        assert "more than one PodDisruptionBudget" in reply.body["message"]
        assert "Retry-After" not in reply.headers

    @pytest.mark.parametrize("policy", ["IfHealthyBudget", "AlwaysAllow"])
    async def test_a_pod_that_is_not_ready_goes_by_the_policy_of_its_budget(
        self, api: Api, policy: str
    ) -> None:
        await self.running(api, "a")
        broken = {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}
        await api.patch(api.path("pods", "a") + "/status", {"status": broken}, STRATEGIC)
        spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
        spec["unhealthyPodEvictionPolicy"] = policy
        await api.made(self.BUDGETS, {"metadata": {"name": "web"}, "spec": spec})
        reply = await api.until(
            lambda: self.evict(api, "a"), lambda reply: "still being processed" not in str(reply.body)
        )
        assert reply.status == (201 if policy == "AlwaysAllow" else 429)

    async def test_a_pod_that_is_not_there_is_not_found(self, api: Api) -> None:
        reply = await self.evict(api, "a")
        assert (reply.status, reply.reason) == (404, "NotFound")


class TestEvents:
    EVENTS = "events.k8s.io/v1/events"

    def event(self, api: Api, **changes: object) -> Object:
        """Return a complete event about the Service `web`."""
        return {
            "metadata": {"name": "web.1"},
            "eventTime": "2026-01-02T03:04:05.123456Z",
            "type": "Warning",
            "reason": "BadAnnotation",
            "action": "Sync",
            "note": "the ttl is not a number",
            "reportingController": "addons/dns",
            "reportingInstance": "dns-0",
            "regarding": {"kind": "Service", "namespace": api.namespace, "name": "web", "uid": "u1"},
            **changes,
        }

    async def test_an_event_is_seen_through_both_groups(self, api: Api) -> None:
        await api.made(self.EVENTS, self.event(api))
        core = (await api.get(api.path("events", "web.1"))).body
        assert (core["message"], core["involvedObject"]["name"]) == ("the ttl is not a number", "web")
        assert (core["reportingComponent"], core["reportingInstance"]) == ("addons/dns", "dns-0")

    async def test_a_repetition_is_counted_in_its_series(self, api: Api) -> None:
        await api.made(self.EVENTS, self.event(api))
        series = {"count": 2, "lastObservedTime": "2026-01-02T03:05:05.000000Z"}
        reply = await api.patch(api.path(self.EVENTS, "web.1"), {"series": series})
        assert reply.body["series"] == series

    async def test_an_event_without_an_action_is_invalid(self, api: Api) -> None:
        reply = await api.create(self.EVENTS, self.event(api, action=""))
        assert (reply.status, reply.reason) == (422, "Invalid")

    async def test_a_note_above_a_kilobyte_is_invalid(self, api: Api) -> None:
        reply = await api.create(self.EVENTS, self.event(api, note="x" * 1025))
        assert (reply.status, reply.reason) == (422, "Invalid")


class TestNamespace:
    async def test_a_namespace_is_labelled_with_its_name_and_active(self, api: Api) -> None:
        reply = await api.get(f"/api/v1/namespaces/{api.namespace}")
        assert reply.meta["labels"] == {"kubernetes.io/metadata.name": api.namespace}
        assert reply.body["status"]["phase"] == "Active"

    async def test_a_deleted_namespace_takes_its_objects_along(self, api: Api) -> None:
        await api.made("services", service("a"))
        path = f"/api/v1/namespaces/{api.namespace}"
        await api.delete(path)
        await api.until(lambda: api.get(path), lambda reply: reply.status == 404)
        assert (await api.get(api.path("services", "a"))).status == 404


class TestCustomResource:
    async def test_objects_of_a_new_kind_are_kept_like_any_other(self, api: Api) -> None:
        path = await api.define("things")
        body = {
            "apiVersion": f"{api.namespace}.example.org/v1",
            "kind": "Thing",
            "metadata": {"name": "a"},
            "spec": {"n": 1},
            "status": {"seen": True},
        }
        made = await api.call("POST", path, body)
        assert (made.status, made.meta["generation"], made.body.get("status")) == (201, 1, None)
        changed = await api.patch(f"{path}/a", {"spec": {"n": 2}})
        assert (changed.body["spec"], changed.meta["generation"]) == ({"n": 2}, 2)
        seen = await api.patch(f"{path}/a/status", {"status": {"seen": True}, "spec": {"n": 3}})
        assert (seen.body["status"], seen.body["spec"]) == ({"seen": True}, {"n": 2})
        assert (await api.get(path)).names == ["a"]

    async def test_a_strategic_patch_of_a_custom_resource_is_unsupported(self, api: Api) -> None:
        path = await api.define("things")
        body = {
            "apiVersion": f"{api.namespace}.example.org/v1",
            "kind": "Thing",
            "metadata": {"name": "a"},
        }
        await api.call("POST", path, body)
        assert (await api.patch(f"{path}/a", {}, STRATEGIC)).status == 415
