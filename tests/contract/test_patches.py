"""The four ways to patch an object."""

import pytest

from tests.support.api import APPLY, JSON, MERGE, STRATEGIC, Api, Object, config_map, pod


async def settings(api: Api, **data: str) -> str:
    """Make the ConfigMap `a` and return its path."""
    await api.made("configmaps", config_map("a", {}, **data))
    return api.path("configmaps", "a")


class TestMergePatch:
    async def test_named_keys_change_and_null_removes(self, api: Api) -> None:
        path = await settings(api, keep="1", change="1", drop="1")
        reply = await api.patch(path, {"data": {"change": "2", "drop": None, "new": "1"}})
        assert (reply.status, reply.body["data"]) == (200, {"keep": "1", "change": "2", "new": "1"})

    async def test_a_list_is_replaced_whole(self, api: Api) -> None:
        body = config_map("a")
        body["metadata"]["finalizers"] = ["example.org/a", "example.org/b"]
        await api.made("configmaps", body)
        path = api.path("configmaps", "a")
        reply = await api.patch(path, {"metadata": {"finalizers": ["example.org/c"]}})
        assert reply.meta["finalizers"] == ["example.org/c"]

    async def test_a_version_in_the_patch_is_a_precondition(self, api: Api) -> None:
        path = await settings(api)
        version = (await api.get(path)).version
        assert (
            await api.patch(path, {"metadata": {"resourceVersion": version}, "data": {"n": "1"}})
        ).status == 200
        reply = await api.patch(path, {"metadata": {"resourceVersion": version}, "data": {"n": "2"}})
        assert (reply.status, reply.reason) == (409, "Conflict")

    async def test_a_patch_that_changes_nothing_keeps_the_version(self, api: Api) -> None:
        path = await settings(api, n="1")
        before = (await api.get(path)).version
        assert (await api.patch(path, {"data": {"n": "1"}})).version == before

    async def test_what_is_not_there_cannot_be_merged(self, api: Api) -> None:
        reply = await api.patch(api.path("configmaps", "a"), {"data": {}})
        assert (reply.status, reply.reason) == (404, "NotFound")

    async def test_a_dry_run_shows_the_result_and_stores_nothing(self, api: Api) -> None:
        path = await settings(api, n="1")
        reply = await api.patch(path, {"data": {"n": "2"}}, dryRun="All")
        assert reply.body["data"] == {"n": "2"}
        assert (await api.get(path)).body["data"] == {"n": "1"}


class TestJsonPatch:
    async def test_operations_apply_in_order(self, api: Api) -> None:
        path = await settings(api, a="1", b="2")
        operations = [
            {"op": "test", "path": "/data/a", "value": "1"},
            {"op": "replace", "path": "/data/a", "value": "3"},
            {"op": "remove", "path": "/data/b"},
            {"op": "add", "path": "/metadata/labels", "value": {"example.org/x": "y"}},
        ]
        reply = await api.patch(path, operations, JSON)
        assert (reply.status, reply.body["data"]) == (200, {"a": "3"})
        assert reply.meta["labels"] == {"example.org/x": "y"}

    async def test_a_slash_in_a_key_is_escaped(self, api: Api) -> None:
        path = await settings(api)
        await api.patch(path, {"metadata": {"annotations": {"example.org/x": "1"}}})
        operation = {"op": "replace", "path": "/metadata/annotations/example.org~1x", "value": "2"}
        reply = await api.patch(path, [operation], JSON)
        assert reply.meta["annotations"] == {"example.org/x": "2"}

    async def test_a_failed_test_changes_nothing(self, api: Api) -> None:
        path = await settings(api, a="1")
        operations = [
            {"op": "replace", "path": "/data/a", "value": "2"},
            {"op": "test", "path": "/data/a", "value": "3"},
        ]
        reply = await api.patch(path, operations, JSON)
        assert (reply.status, reply.reason) == (422, "Invalid")
        assert (await api.get(path)).body["data"] == {"a": "1"}

    async def test_a_missing_path_is_refused(self, api: Api) -> None:
        path = await settings(api)
        reply = await api.patch(path, [{"op": "remove", "path": "/data/none"}], JSON)
        assert (reply.status, reply.reason) == (422, "Invalid")


class TestStrategicPatch:
    async def test_a_list_with_a_key_is_merged_by_it(self, api: Api) -> None:
        await api.made("pods", pod("a", node="n1"))
        path = api.path("pods", "a")
        patch = {"spec": {"containers": [{"name": "main", "image": "local/busybox:2"}]}}
        reply = await api.patch(path, patch, STRATEGIC)
        assert reply.status == 200, reply.body
        container = reply.body["spec"]["containers"][0]
        assert (container["image"], container["imagePullPolicy"]) == ("local/busybox:2", "IfNotPresent")

    async def test_conditions_are_merged_by_type(self, api: Api) -> None:
        await api.made("pods", pod("a", node="n1"))
        path = api.path("pods", "a") + "/status"
        for kind in ("Ready", "example.org/gate"):
            await api.patch(path, {"status": {"conditions": [{"type": kind, "status": "True"}]}}, STRATEGIC)
        reply = await api.get(api.path("pods", "a"))
        types = {condition["type"] for condition in reply.body["status"]["conditions"]}
        assert {"Ready", "example.org/gate"} <= types

    async def test_an_item_is_deleted_by_directive(self, api: Api) -> None:
        await api.made("pods", pod("a", node="n1"))
        path = api.path("pods", "a") + "/status"
        gate = {"type": "example.org/gate", "status": "True"}
        await api.patch(path, {"status": {"conditions": [gate]}}, STRATEGIC)
        directive = {"$patch": "delete", "type": "example.org/gate"}
        reply = await api.patch(path, {"status": {"conditions": [directive]}}, STRATEGIC)
        assert "example.org/gate" not in {each["type"] for each in reply.body["status"].get("conditions", [])}


class TestServerSideApply:
    def applied(self, **data: str) -> Object:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}

    async def test_applying_creates_and_a_second_time_changes_nothing(self, api: Api) -> None:
        path = api.path("configmaps", "a")
        first = await api.patch(path, self.applied(n="1"), APPLY, fieldManager="one")
        second = await api.patch(path, self.applied(n="1"), APPLY, fieldManager="one")
        assert (first.status, second.status) == (201, 200)
        assert first.version == second.version

    async def test_a_field_no_longer_applied_goes(self, api: Api) -> None:
        path = api.path("configmaps", "a")
        await api.patch(path, self.applied(n="1", m="1"), APPLY, fieldManager="one")
        reply = await api.patch(path, self.applied(n="1"), APPLY, fieldManager="one")
        assert reply.body["data"] == {"n": "1"}

    async def test_managers_share_an_object_field_by_field(self, api: Api) -> None:
        path = api.path("configmaps", "a")
        await api.patch(path, self.applied(n="1"), APPLY, fieldManager="one")
        await api.patch(path, self.applied(m="1"), APPLY, fieldManager="two")
        reply = await api.patch(path, self.applied(), APPLY, fieldManager="two")
        assert reply.body["data"] == {"n": "1"}

    async def test_another_managers_value_is_a_conflict_unless_forced(self, api: Api) -> None:
        path = api.path("configmaps", "a")
        await api.patch(path, self.applied(n="1"), APPLY, fieldManager="one")
        refused = await api.patch(path, self.applied(n="2"), APPLY, fieldManager="two")
        assert (refused.status, refused.reason) == (409, "Conflict")
        assert refused.body["details"]["causes"][0]["field"] == ".data.n"
        forced = await api.patch(path, self.applied(n="2"), APPLY, fieldManager="two", force="true")
        assert (forced.status, forced.body["data"]) == (200, {"n": "2"})

    async def test_a_manager_must_give_its_name(self, api: Api) -> None:
        reply = await api.patch(api.path("configmaps", "a"), self.applied(), APPLY)
        assert (reply.status, reply.reason) == (422, "Invalid")


@pytest.mark.parametrize("media", [MERGE, JSON, STRATEGIC])
async def test_a_patch_that_is_not_json_is_a_bad_request(api: Api, media: str) -> None:
    path = await settings(api)
    reply = await api.patch(path, b"{", media)
    assert (reply.status, reply.reason) == (400, "BadRequest")


async def test_an_unknown_patch_type_is_an_unsupported_media_type(api: Api) -> None:
    path = await settings(api)
    reply = await api.patch(path, {}, "application/x-patch")
    assert (reply.status, reply.reason) == (415, "UnsupportedMediaType")
