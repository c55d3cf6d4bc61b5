"""Who may do what at the API emulator, and the record of what was done."""

import socket
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import yaml

from addons.sim.kubeapi.calls import Request
from addons.sim.kubeapi.server import KubeApi

RBAC = "rbac.authorization.k8s.io/v1"
READ_SERVICES = {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list"]}


@pytest.fixture
async def api() -> AsyncIterator[KubeApi]:
    async with KubeApi(rbac=True) as running:
        yield running


async def ask(api: KubeApi, path: str, token: str = "", method: str = "GET") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession(api.url) as http,
        http.request(method, path, headers=headers) as response,
    ):
        return response.status, await response.json(content_type=None)


class TestRules:
    """Rules given with a user are all that he may do."""

    async def test_what_they_name_is_permitted(self, api: KubeApi) -> None:
        token = api.add_user("dns", rules=[READ_SERVICES])
        assert (await ask(api, "/api/v1/services", token))[0] == 200

    async def test_the_rest_is_forbidden_in_the_servers_words(self, api: KubeApi) -> None:
        token = api.add_user("dns", rules=[READ_SERVICES])
        status, reply = await ask(api, "/apis/networking.k8s.io/v1/namespaces/a/ingresses/b", token)
        assert (status, reply["reason"]) == (403, "Forbidden")
        assert reply["message"] == (
            'ingresses.networking.k8s.io "b" is forbidden: User "dns" cannot get resource "ingresses" '
            'in API group "networking.k8s.io" in the namespace "a"'
        )

    async def test_a_subresource_is_a_right_of_its_own(self, api: KubeApi) -> None:
        every = {"apiGroups": ["*"], "resources": ["services"], "verbs": ["*"]}
        token = api.add_user("dns", rules=[every])
        status, reply = await ask(api, "/api/v1/namespaces/a/services/b/status", token, "PATCH")
        assert (status, 'resource "services/status"' in reply["message"]) == (403, True)

    async def test_names_narrow_a_rule(self, api: KubeApi) -> None:
        rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["mine"]}
        token = api.add_user("dns", rules=[rule])
        assert (await ask(api, "/api/v1/namespaces/default/configmaps/mine", token))[0] == 404
        assert (await ask(api, "/api/v1/namespaces/default/configmaps/other", token))[0] == 403

    async def test_discovery_is_open_to_all_who_are_known(self, api: KubeApi) -> None:
        token = api.add_user("dns", rules=[])
        assert (await ask(api, "/version", token))[0] == 200
        assert (await ask(api, "/metrics", token))[0] == 403


class TestRoles:
    """Roles and bindings in the store count for users that came without rules."""

    async def test_a_cluster_role_binding_grants_everywhere(self, api: KubeApi) -> None:
        token = api.add_user("system:serviceaccount:kube-system:dns")
        assert (await ask(api, "/api/v1/services", token))[0] == 403
        api.store.create(RBAC, "clusterroles", {"metadata": {"name": "dns"}, "rules": [READ_SERVICES]})
        subject = {"kind": "ServiceAccount", "namespace": "kube-system", "name": "dns"}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "dns"}
        binding = {"metadata": {"name": "dns"}, "roleRef": role, "subjects": [subject]}
        api.store.create(RBAC, "clusterrolebindings", binding)
        assert (await ask(api, "/api/v1/services", token))[0] == 200

    async def test_a_role_binding_grants_in_its_namespace(self, api: KubeApi) -> None:
        token = api.add_user("dns", groups=["team"])
        api.store.create(RBAC, "roles", {"metadata": {"name": "dns"}, "rules": [READ_SERVICES]})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "dns"}
        binding = {
            "metadata": {"name": "dns"},
            "roleRef": role,
            "subjects": [{"kind": "Group", "name": "team"}],
        }
        api.store.create(RBAC, "rolebindings", binding)
        assert (await ask(api, "/api/v1/namespaces/default/services", token))[0] == 200
        assert (await ask(api, "/api/v1/namespaces/kube-system/services", token))[0] == 403
        assert (await ask(api, "/api/v1/services", token))[0] == 403


class TestIdentity:
    """Tokens make users; without any configured, nobody is asked."""

    async def test_who_sends_no_token_to_an_open_server_is_an_administrator(self, api: KubeApi) -> None:
        assert (await ask(api, "/api/v1/secrets"))[0] == 200

    async def test_an_unknown_token_is_unauthorized_even_there(self, api: KubeApi) -> None:
        status, reply = await ask(api, "/api/v1/secrets", "unknown")
        assert (status, reply["reason"]) == (401, "Unauthorized")

    async def test_who_sends_none_to_a_closed_server_may_nothing(self) -> None:
        async with KubeApi(tokens={}) as api:
            status, reply = await ask(api, "/api/v1/secrets")
            assert (status, 'User "system:anonymous"' in reply["message"]) == (403, True)

    async def test_a_kubeconfig_leads_to_the_server_over_tls(self) -> None:
        async with KubeApi(tls=True, tokens={}) as api:
            config = yaml.safe_load(api.kubeconfig())
            cluster = config["clusters"][0]["cluster"]
            trust = ssl.create_default_context()
            trust.load_verify_locations(cadata=b64decode(cluster["certificate-authority-data"]).decode())
            headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
            async with (
                aiohttp.ClientSession() as http,
                http.get(f"{cluster['server']}/api/v1/secrets", headers=headers, ssl=trust) as response,
            ):
                assert response.status == 200

    async def test_a_kubeconfig_leads_to_one_more_socket(self, api: KubeApi) -> None:
        url = await api.listen(socket.create_server(("127.0.0.1", 0)))
        config = yaml.safe_load(api.kubeconfig(url=url))
        headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
        assert config["clusters"][0]["cluster"]["server"] == url != api.url
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{url}/api/v1/secrets", headers=headers) as response,
        ):
            assert response.status == 200


class TestRecorder:
    """Every request is written down with its answer."""

    async def test_it_tells_user_verb_resource_and_status(self, api: KubeApi) -> None:
        token = api.add_user("dns", rules=[READ_SERVICES])
        await ask(api, "/api/v1/namespaces/default/services/a", token)
        await ask(api, "/api/v1/namespaces/default/pods/p/eviction", token, "POST")
        path = "/api/v1/namespaces/default/"
        assert api.requests == [
            Request("dns", "get", "", "services", "", "default", "a", f"{path}services/a", 404),
            Request("dns", "create", "", "pods", "eviction", "default", "p", f"{path}pods/p/eviction", 403),
        ]
        api.requests.clear()
        await ask(api, "/version", token)
        assert [(r.verb, r.path, r.status) for r in api.requests] == [("get", "/version", 200)]
