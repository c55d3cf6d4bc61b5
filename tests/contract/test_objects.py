"""What an API server does with one object: create, read, replace, delete, and how it refuses."""

from tests.support.api import Api, Object, config_map, pod, service


class TestCreate:
    async def test_the_server_fills_in_identity_and_version(self, api: Api) -> None:
        made = await api.made("configmaps", config_map("a", colour="red"))
        assert (made["kind"], made["apiVersion"], made["data"]) == ("ConfigMap", "v1", {"colour": "red"})
        meta = made["metadata"]
        assert meta["namespace"] == api.namespace
        assert len(meta["uid"]) == 36
        assert meta["creationTimestamp"].endswith("Z")
        assert int(meta["resourceVersion"]) > 0

    async def test_a_taken_name_is_a_conflict_that_says_already_exists(self, api: Api) -> None:
        await api.made("configmaps", config_map("a"))
        reply = await api.create("configmaps", config_map("a"))
        assert (reply.status, reply.reason) == (409, "AlreadyExists")
        assert reply.body["message"] == 'configmaps "a" already exists'
        assert reply.body["details"] == {"name": "a", "kind": "configmaps"}

    async def test_generate_name_gives_each_object_a_name_with_that_prefix(self, api: Api) -> None:
        names = {
            (await api.made("configmaps", {"metadata": {"generateName": "x-"}}))["metadata"]["name"]
            for _ in range(3)
        }
        assert len(names) == 3
        assert all(name.startswith("x-") and len(name) == 7 for name in names)

    async def test_a_missing_namespace_is_not_found(self, api: Api) -> None:
        path = api.path("configmaps", namespace="nowhere")
        reply = await api.call("POST", path, config_map("a"))
        assert (reply.status, reply.reason) == (404, "NotFound")
        assert reply.body["message"] == 'namespaces "nowhere" not found'

    async def test_a_body_for_another_namespace_is_a_bad_request(self, api: Api) -> None:
        body = {"metadata": {"name": "a", "namespace": "other"}}
        reply = await api.create("configmaps", body)
        assert (reply.status, reply.reason) == (400, "BadRequest")
        assert "does not match" in reply.body["message"]

    async def test_a_body_of_another_kind_is_a_bad_request(self, api: Api) -> None:
        reply = await api.create("configmaps", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}})
        assert (reply.status, reply.reason) == (400, "BadRequest")

    async def test_a_body_that_is_not_json_is_a_bad_request(self, api: Api) -> None:
        reply = await api.call("POST", api.path("configmaps"), b"{")
        assert (reply.status, reply.reason) == (400, "BadRequest")

    async def test_an_object_without_a_name_is_invalid(self, api: Api) -> None:
        reply = await api.create("configmaps", {"metadata": {}})
        assert (reply.status, reply.reason) == (422, "Invalid")
        assert "name or generateName is required" in reply.body["message"]

    async def test_a_name_that_dns_forbids_is_invalid_and_the_field_is_named(self, api: Api) -> None:
        reply = await api.create("configmaps", config_map("A_b"))
        assert (reply.status, reply.reason) == (422, "Invalid")
        assert reply.body["message"].startswith(
            'ConfigMap "A_b" is invalid: metadata.name: Invalid value: "A_b"'
        )
        assert [cause["field"] for cause in reply.body["details"]["causes"]] == ["metadata.name"]

    async def test_a_label_value_that_is_not_one_is_invalid(self, api: Api) -> None:
        reply = await api.create("configmaps", config_map("a", {"app": "not a label"}))
        assert (reply.status, reply.reason) == (422, "Invalid")
        assert [cause["field"] for cause in reply.body["details"]["causes"]] == ["metadata.labels"]

    async def test_a_dry_run_answers_as_if_and_stores_nothing(self, api: Api) -> None:
        reply = await api.create("configmaps", config_map("a"), dryRun="All")
        assert reply.status == 201
        assert (await api.get(api.path("configmaps", "a"))).status == 404


class TestRead:
    async def test_what_is_not_there_is_not_found_and_named(self, api: Api) -> None:
        reply = await api.get(api.path("configmaps", "a"))
        assert reply.status == 404
        assert reply.body == {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": 'configmaps "a" not found',
            "reason": "NotFound",
            "details": {"name": "a", "kind": "configmaps"},
            "code": 404,
        }

    async def test_a_resource_that_nobody_serves_is_not_found(self, api: Api) -> None:
        reply = await api.get(api.path("example.org/v1/things"))
        assert reply.status == 404

    async def test_the_group_is_in_the_message_for_a_grouped_resource(self, api: Api) -> None:
        reply = await api.get(api.path("networking.k8s.io/v1/ingresses", "a"))
        assert reply.body["message"] == 'ingresses.networking.k8s.io "a" not found'
        assert reply.body["details"] == {"name": "a", "group": "networking.k8s.io", "kind": "ingresses"}


class TestReplace:
    async def test_a_version_that_is_not_the_newest_is_a_conflict(self, api: Api) -> None:
        old = await api.made("configmaps", config_map("a"))
        path = api.path("configmaps", "a")
        assert (await api.put(path, {**old, "data": {"n": "1"}})).status == 200
        reply = await api.put(path, {**old, "data": {"n": "2"}})
        assert (reply.status, reply.reason) == (409, "Conflict")
        assert "the object has been modified" in reply.body["message"]

    async def test_without_a_version_the_last_writer_wins(self, api: Api) -> None:
        await api.made("configmaps", config_map("a"))
        reply = await api.put(api.path("configmaps", "a"), config_map("a", n="2"))
        assert (reply.status, reply.body["data"]) == (200, {"n": "2"})

    async def test_a_write_that_changes_nothing_keeps_the_version(self, api: Api) -> None:
        made = await api.made("configmaps", config_map("a", n="1"))
        reply = await api.put(api.path("configmaps", "a"), made)
        assert reply.version == made["metadata"]["resourceVersion"]

    async def test_identity_is_kept_when_the_body_leaves_it_out(self, api: Api) -> None:
        made = await api.made("configmaps", config_map("a"))
        reply = await api.put(api.path("configmaps", "a"), config_map("a", n="2"))
        assert reply.meta["uid"] == made["metadata"]["uid"]
        assert reply.meta["creationTimestamp"] == made["metadata"]["creationTimestamp"]

    async def test_a_foreign_uid_is_a_conflict(self, api: Api) -> None:
        made = await api.made("configmaps", config_map("a"))
        made["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000"
        reply = await api.put(api.path("configmaps", "a"), made)
        assert (reply.status, reply.reason) == (409, "Conflict")

    async def test_another_name_than_that_of_the_path_is_a_bad_request(self, api: Api) -> None:
        await api.made("configmaps", config_map("a"))
        reply = await api.put(api.path("configmaps", "a"), config_map("b"))
        assert (reply.status, reply.reason) == (400, "BadRequest")

    async def test_what_is_not_there_cannot_be_replaced(self, api: Api) -> None:
        reply = await api.put(api.path("configmaps", "a"), config_map("a"))
        assert (reply.status, reply.reason) == (404, "NotFound")


class TestGenerationAndStatus:
    INGRESS = "networking.k8s.io/v1/ingresses"

    def ingress(self, host: str) -> Object:
        backend = {"service": {"name": "web", "port": {"number": 80}}}
        path = {"path": "/", "pathType": "Prefix", "backend": backend}
        return {"metadata": {"name": "a"}, "spec": {"rules": [{"host": host, "http": {"paths": [path]}}]}}

    async def test_a_change_of_the_spec_counts_a_generation_and_labels_do_not(self, api: Api) -> None:
        made = await api.made(self.INGRESS, self.ingress("a.example.org"))
        path = api.path(self.INGRESS, "a")
        labelled = await api.patch(path, {"metadata": {"labels": {"x": "y"}}})
        changed = await api.patch(path, {"spec": self.ingress("b.example.org")["spec"]})
        assert [made["metadata"]["generation"], labelled.meta["generation"], changed.meta["generation"]] == [
            1,
            1,
            2,
        ]

    async def test_status_is_written_by_its_subresource_alone(self, api: Api) -> None:
        status = {"loadBalancer": {"ingress": [{"hostname": "lb.example.org"}]}}
        made = await api.made(self.INGRESS, {**self.ingress("a.example.org"), "status": status})
        assert made["status"] == {"loadBalancer": {}}
        path = api.path(self.INGRESS, "a")
        ignored = await api.patch(path, {"status": status})
        assert ignored.body["status"] == {"loadBalancer": {}}
        taken = await api.patch(f"{path}/status", {"status": status, "spec": {"rules": []}})
        assert taken.body["status"] == status
        assert taken.body["spec"] == made["spec"]


class TestDelete:
    async def test_an_object_goes_at_once_and_the_answer_is_a_status_with_its_uid(self, api: Api) -> None:
        made = await api.made("configmaps", config_map("a"))
        reply = await api.delete(api.path("configmaps", "a"))
        assert (reply.status, reply.body["status"]) == (200, "Success")
        assert reply.body["details"] == {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]}
        assert (await api.get(api.path("configmaps", "a"))).status == 404

    async def test_a_foreign_uid_as_precondition_is_a_conflict(self, api: Api) -> None:
        await api.made("configmaps", config_map("a"))
        reply = await api.delete(api.path("configmaps", "a"), {"preconditions": {"uid": "other"}})
        assert (reply.status, reply.reason) == (409, "Conflict")
        assert (await api.get(api.path("configmaps", "a"))).status == 200

    async def test_a_finalizer_holds_the_object_until_it_is_taken_off(self, api: Api) -> None:
        body = config_map("a")
        body["metadata"]["finalizers"] = ["example.org/hold"]
        await api.made("configmaps", body)
        path = api.path("configmaps", "a")
        assert (await api.delete(path)).status == 200
        held = await api.get(path)
        assert held.meta["deletionTimestamp"]
        assert held.meta["deletionGracePeriodSeconds"] == 0
        await api.patch(path, {"metadata": {"finalizers": None}})
        assert (await api.get(path)).status == 404

    async def test_a_finalizer_cannot_be_added_once_deletion_has_begun(self, api: Api) -> None:
        body = config_map("a")
        body["metadata"]["finalizers"] = ["example.org/hold"]
        await api.made("configmaps", body)
        path = api.path("configmaps", "a")
        await api.delete(path)
        reply = await api.patch(path, {"metadata": {"finalizers": ["example.org/hold", "example.org/more"]}})
        assert (reply.status, reply.reason) == (422, "Invalid")

    async def test_a_pod_on_a_node_has_its_grace_and_goes_when_the_grace_is_zero(self, api: Api) -> None:
        await api.made("pods", pod("a", node="n1"))
        path = api.path("pods", "a")
        reply = await api.delete(path)
        assert (reply.body["kind"], reply.meta["deletionGracePeriodSeconds"]) == ("Pod", 30)
        assert (await api.get(path)).meta["deletionTimestamp"]
        await api.delete(path, {"gracePeriodSeconds": 0})
        assert (await api.get(path)).status == 404

    async def test_a_pod_that_no_node_runs_goes_at_once(self, api: Api) -> None:
        body = pod("a")
        body["spec"]["schedulerName"] = "nobody"
        await api.made("pods", body)
        await api.delete(api.path("pods", "a"))
        assert (await api.get(api.path("pods", "a"))).status == 404

    async def test_a_collection_is_deleted_by_selector(self, api: Api) -> None:
        for name, tier in (("a", "x"), ("b", "x"), ("c", "y")):
            await api.made("configmaps", config_map(name, {"tier": tier}))
        assert (await api.delete(api.path("configmaps"), labelSelector="tier=x")).status == 200
        left = await api.get(api.path("configmaps"), labelSelector="tier")
        assert left.names == ["c"]

    async def test_a_service_is_the_answer_to_its_own_deletion(self, api: Api) -> None:
        await api.made("services", service("a"))
        reply = await api.delete(api.path("services", "a"))
        assert (reply.status, reply.body["kind"]) == (200, "Service")

    async def test_what_an_owner_owns_goes_after_it(self, api: Api) -> None:
        owner = await api.made("configmaps", config_map("owner"))
        reference = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "owner",
            "uid": owner["metadata"]["uid"],
        }
        body = config_map("owned")
        body["metadata"]["ownerReferences"] = [reference]
        await api.made("configmaps", body)
        await api.delete(api.path("configmaps", "owner"))
        await api.until(lambda: api.get(api.path("configmaps", "owned")), lambda reply: reply.status == 404)
