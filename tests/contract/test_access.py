"""Who may ask what: tokens, RBAC, reviews, and the discovery that tells clients what there is."""

import base64
import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from tests.support.api import Api, Object, Reply, config_map

AUDIENCE = "https://kubernetes.default.svc"


async def permit(api: Api, name: str, *rules: Object, subject: Object | None = None) -> None:
    """Let the guest, or another subject, do in the namespace what the rules say."""
    group = "rbac.authorization.k8s.io"
    await api.made(f"{group}/v1/roles", {"metadata": {"name": name}, "rules": list(rules)})
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
        "subjects": [subject or {"apiGroup": group, "kind": "User", "name": "guest"}],
    }
    await api.made(f"{group}/v1/rolebindings", binding)


def rule(verbs: list[str], *resources: str, group: str = "", names: tuple[str, ...] = ()) -> Object:
    """Return one RBAC rule."""
    return {"verbs": verbs, "apiGroups": [group], "resources": list(resources), "resourceNames": list(names)}


class TestTokens:
    @pytest.mark.parametrize("token", ["wrong", "a.b.c"])
    async def test_an_unknown_token_is_unauthorized(self, api: Api, token: str) -> None:
        reply = await api.call("GET", api.path("pods"), token=token)
        assert (reply.status, reply.reason) == (401, "Unauthorized")
        assert reply.body["message"] == "Unauthorized"

    async def test_no_token_is_the_anonymous_user_who_may_nothing(self, api: Api) -> None:
        reply = await api.call("GET", api.path("pods"), token="")
        assert (reply.status, reply.reason) == (403, "Forbidden")
        assert 'User "system:anonymous" cannot list resource "pods"' in reply.body["message"]

    async def test_a_service_account_gets_a_token_and_is_known_by_it(self, api: Api) -> None:
        await api.made("serviceaccounts", {"metadata": {"name": "robot"}})
        token = (await self.token(api, expirationSeconds=600)).body["status"]["token"]
        reply = await api.call("GET", api.path("pods"), token=token)
        assert reply.status == 403
        assert f'User "system:serviceaccount:{api.namespace}:robot"' in reply.body["message"]

    async def test_a_token_names_its_audiences_subject_and_expiry(self, api: Api) -> None:
        await api.made("serviceaccounts", {"metadata": {"name": "robot"}})
        reply = await self.token(api, audiences=["sts.amazonaws.com"], expirationSeconds=900)
        assert reply.status == 201
        assert reply.body["status"]["expirationTimestamp"].endswith("Z")
        claims = claims_of(reply.body["status"]["token"])
        assert claims["aud"] == ["sts.amazonaws.com"]
        assert claims["sub"] == f"system:serviceaccount:{api.namespace}:robot"
        assert claims["exp"] - claims["iat"] == 900

    async def test_a_token_for_another_audience_does_not_open_this_door(self, api: Api) -> None:
        await api.made("serviceaccounts", {"metadata": {"name": "robot"}})
        token = (await self.token(api, audiences=["sts.amazonaws.com"])).body["status"]["token"]
        assert (await api.call("GET", api.path("pods"), token=token)).status == 401

    async def test_a_life_shorter_than_ten_minutes_is_invalid(self, api: Api) -> None:
        await api.made("serviceaccounts", {"metadata": {"name": "robot"}})
        reply = await self.token(api, expirationSeconds=10)
        assert (reply.status, reply.reason) == (422, "Invalid")

    async def test_no_account_no_token(self, api: Api) -> None:
        assert (await self.token(api)).status == 404

    async def test_a_review_tells_who_a_token_is(self, api: Api) -> None:
        good = await self.review(api, api.tokens["guest"])
        assert good["authenticated"] is True
        assert good["user"]["username"] == "guest"
        assert not (await self.review(api, "wrong")).get("authenticated")

    async def token(self, api: Api, **spec: object) -> Reply:
        """Ask for a token of the account `robot`."""
        return await api.call("POST", api.path("serviceaccounts", "robot") + "/token", {"spec": spec})

    async def review(self, api: Api, token: str) -> Object:
        """Return what a TokenReview says about a token."""
        body = {"spec": {"token": token}}
        reply = await api.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)
        assert reply.status == 201, reply.body
        return dict(reply.body["status"])


def claims_of(token: str) -> Object:
    """Return the claims of a JSON web token, unverified."""
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


class TestRbac:
    async def test_what_no_rule_permits_is_forbidden_in_words(self, api: Api) -> None:
        reply = await api.call("GET", api.path("pods"), user="guest")
        assert (reply.status, reply.reason) == (403, "Forbidden")
        assert reply.body["message"] == (
            'pods is forbidden: User "guest" cannot list resource "pods" in API group "" '
            f'in the namespace "{api.namespace}"'
        )

    async def test_one_object_and_a_subresource_are_named_in_the_refusal(self, api: Api) -> None:
        path = api.path("networking.k8s.io/v1/ingresses", "web") + "/status"
        reply = await api.call("PATCH", path, {}, media="application/merge-patch+json", user="guest")
        assert reply.body["message"] == (
            'ingresses.networking.k8s.io "web" is forbidden: User "guest" cannot patch resource '
            f'"ingresses/status" in API group "networking.k8s.io" in the namespace "{api.namespace}"'
        )

    async def test_a_cluster_wide_request_is_refused_at_the_cluster_scope(self, api: Api) -> None:
        reply = await api.call("GET", "/api/v1/nodes", user="guest")
        assert reply.body["message"] == (
            'nodes is forbidden: User "guest" cannot list resource "nodes" in API group "" '
            "at the cluster scope"
        )

    async def test_a_rule_permits_its_verbs_and_no_others(self, api: Api) -> None:
        await api.made("configmaps", config_map("a"))
        await permit(api, "reader", rule(["get", "list"], "configmaps"))
        path = api.path("configmaps", "a")
        await api.until(lambda: api.call("GET", path, user="guest"), lambda reply: reply.status == 200)
        assert (await api.call("GET", api.path("configmaps"), user="guest")).status == 200
        assert (
            await api.call("GET", api.path("configmaps"), user="guest", query={"watch": "true"})
        ).status == 403
        assert (await api.call("DELETE", path, user="guest")).status == 403
        assert (await api.call("GET", api.path("secrets"), user="guest")).status == 403

    async def test_a_role_ends_at_its_namespace(self, api: Api) -> None:
        await permit(api, "reader", rule(["list"], "configmaps"))
        here = api.path("configmaps")
        await api.until(lambda: api.call("GET", here, user="guest"), lambda reply: reply.status == 200)
        assert (await api.call("GET", "/api/v1/configmaps", user="guest")).status == 403

    async def test_a_rule_may_name_the_objects(self, api: Api) -> None:
        await api.made("configmaps", config_map("a"))
        await permit(api, "one", rule(["get"], "configmaps", names=("a",)))
        path = api.path("configmaps", "a")
        await api.until(lambda: api.call("GET", path, user="guest"), lambda reply: reply.status == 200)
        assert (await api.call("GET", api.path("configmaps", "b"), user="guest")).status == 403

    async def test_a_list_of_one_object_by_its_name_needs_a_right_to_that_one_alone(self, api: Api) -> None:
        await permit(api, "one", rule(["list"], "configmaps", names=("a",)))
        path = api.path("configmaps")
        only = f"{path}?fieldSelector=metadata.name%3Da"
        await api.until(lambda: api.call("GET", only, user="guest"), lambda reply: reply.status == 200)
        for query in ("", "?fieldSelector=metadata.name%3Db", "?fieldSelector=metadata.namespace%3Da"):
            assert (await api.call("GET", path + query, user="guest")).status == 403

    async def test_a_service_account_can_be_the_subject(self, api: Api) -> None:
        await api.made("serviceaccounts", {"metadata": {"name": "robot"}})
        subject = {"kind": "ServiceAccount", "name": "robot", "namespace": api.namespace}
        await permit(api, "reader", rule(["list"], "configmaps"), subject=subject)
        made = await api.call("POST", api.path("serviceaccounts", "robot") + "/token", {"spec": {}})
        token = made.body["status"]["token"]
        path = api.path("configmaps")
        await api.until(lambda: api.call("GET", path, token=token), lambda reply: reply.status == 200)

    async def test_a_subject_access_review_answers_for_another_user(self, api: Api) -> None:
        await permit(api, "reader", rule(["list"], "configmaps"))

        async def ask(verb: str) -> Reply:
            attributes = {"namespace": api.namespace, "verb": verb, "resource": "configmaps"}
            spec = {"user": "guest", "resourceAttributes": attributes}
            return await api.call(
                "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec}
            )

        await api.until(lambda: ask("list"), lambda reply: bool(reply.body["status"]["allowed"]))
        assert (await ask("delete")).body["status"]["allowed"] is False

    async def test_anybody_known_may_ask_what_he_may(self, api: Api) -> None:
        attributes = {"namespace": api.namespace, "verb": "delete", "resource": "pods"}
        reply = await api.call(
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {"spec": {"resourceAttributes": attributes}},
            user="guest",
        )
        assert (reply.status, reply.body["status"]["allowed"]) == (201, False)


class TestDiscovery:
    CORE = ("pods", "nodes", "services", "namespaces", "configmaps", "secrets", "events", "serviceaccounts")
    GROUPED = (
        ("networking.k8s.io/v1", "ingresses"),
        ("discovery.k8s.io/v1", "endpointslices"),
        ("coordination.k8s.io/v1", "leases"),
        ("policy/v1", "poddisruptionbudgets"),
        ("events.k8s.io/v1", "events"),
        ("apps/v1", "daemonsets"),
        ("apiextensions.k8s.io/v1", "customresourcedefinitions"),
    )
    FACTS = ("kind", "namespaced", "singularName")

    async def test_the_core_group_lists_its_resources(self, api: Api) -> None:
        reply = await api.get("/api/v1")
        assert reply.body["kind"] == "APIResourceList"
        found = {each["name"]: each for each in reply.body["resources"]}
        assert found.keys() >= set(self.CORE) | {"pods/eviction", "serviceaccounts/token", "services/status"}
        assert [found["pods"][fact] for fact in self.FACTS] == ["Pod", True, "pod"]
        assert found["pods"]["shortNames"] == ["po"]
        assert {"get", "list", "watch", "create", "patch", "delete"} <= set(found["pods"]["verbs"])

    @pytest.mark.parametrize(("group", "plural"), GROUPED)
    async def test_a_group_lists_its_resources(self, api: Api, group: str, plural: str) -> None:
        reply = await api.get(f"/apis/{group}")
        assert reply.body["groupVersion"] == group
        assert plural in {each["name"] for each in reply.body["resources"]}

    async def test_the_groups_are_listed_with_their_preferred_version(self, api: Api) -> None:
        reply = await api.get("/apis")
        preferred = {each["name"]: each["preferredVersion"]["version"] for each in reply.body["groups"]}
        assert reply.body["kind"] == "APIGroupList"
        assert preferred.items() >= {"apps": "v1", "networking.k8s.io": "v1", "policy": "v1"}.items()

    async def test_a_custom_resource_is_discovered(self, api: Api) -> None:
        await api.define("things")
        group = f"{api.namespace}.example.org"
        await api.until(lambda: api.get(f"/apis/{group}/v1"), lambda reply: reply.status == 200)
        names = {each["name"] for each in (await api.get(f"/apis/{group}/v1")).body["resources"]}
        assert names == {"things", "things/status"}

    async def test_the_version_and_the_health_are_told(self, api: Api) -> None:
        assert (await api.get("/version")).body["major"] == "1"
        assert (await api.get("/readyz")).body == {"text": "ok"}
        assert (await api.get("/healthz")).body == {"text": "ok"}


class TestTime:
    async def test_replies_tell_the_time_of_the_server_also_where_they_refuse(self, api: Api) -> None:
        for token in ("admin", "guest"):
            reply = await api.call("GET", api.path("pods"), token=token)
            told = parsedate_to_datetime(reply.headers["Date"])
            assert abs((datetime.now(UTC) - told).total_seconds()) < 60
