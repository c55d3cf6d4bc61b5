"""Who vouches for a pod: the node's credentials, or a token of the pod's ServiceAccount."""

from collections.abc import AsyncIterator

import pytest

from addons.iamproxy.aws.sts import Sts
from addons.iamproxy.model.credentials import CredentialKey, Credentials, Denial
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Denied, Unavailable
from addons.sim.aws.sts.state import trust_of_service_account
from addons.sim.kubeapi.faults import Fault
from tests.support.iamproxy_world import BASE, World, key_of, pod
from tests.support.issuer import ISSUER, issue, published

pytestmark = pytest.mark.virtual_time


def key(service_account: str) -> CredentialKey:
    return CredentialKey(
        BASE + "web",
        session_name="prod.web",
        source="web-identity",
        service_account=("prod", service_account),
    )


@pytest.fixture
async def session(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AwsSession]:
    """A node without any credentials."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    async with AwsSession(region="eu-central-1", endpoint_url=world.aws.url) as made:
        yield made


class TestWebIdentity:
    async def test_a_token_opens_the_role_that_trusts_its_service_account(
        self, world: World, session: AwsSession
    ) -> None:
        provider = world.aws.sts.create_provider(ISSUER, published())
        world.aws.sts.create_role("web", trust_of_service_account(provider, "prod", "web"))
        found = await Sts(session, issue_token=issue).fetch(key("web"))
        assert world.aws.sts.sessions[found.access_key_id].name == "prod.web"
        assert found.account_id == "123456789012"

    async def test_it_opens_it_for_no_other_service_account(self, world: World, session: AwsSession) -> None:
        provider = world.aws.sts.create_provider(ISSUER, published())
        world.aws.sts.create_role("web", trust_of_service_account(provider, "prod", "web"))
        with pytest.raises(Denied):
            await Sts(session, issue_token=issue).fetch(key("other"))

    async def test_the_token_is_asked_of_the_api_server(self, world: World) -> None:
        """The emulator signs with a key that STS does not know, so the answer is a refusal."""
        world.aws.sts.create_role("web")
        world.api.store.create("v1", "serviceaccounts", {"metadata": {"name": "runner", "namespace": "prod"}})
        world.create(pod("a", "10.0.0.1", role="web"))
        async with world.running("--credential-source=web-identity", "--no-prefetch") as controller:
            found = await controller.credentials.get(await key_of(controller, "10.0.0.1"), 5)
            assert isinstance(found, Denial)
            asked = [each for each in world.api.requests if each.subresource == "token"]
            assert [(each.namespace, each.name) for each in asked] == [("prod", "runner")]
            assert world.aws.sts.calls["AssumeRole"] == 0

    async def test_a_right_that_we_lack_is_no_fault_of_the_pod(self, world: World) -> None:
        world.create(pod("a", "10.0.0.1", role="web"))
        world.api.faults.add(Fault(subresource="token", status=403))
        async with world.running("--credential-source=web-identity", "--no-prefetch") as controller:
            assert await controller.credentials.get(await key_of(controller, "10.0.0.1"), 0.5) is None


class TestNode:
    async def test_credentials_of_ours_that_do_not_count_are_no_fault_of_the_pod(self, world: World) -> None:
        world.aws.sts.create_role("web")
        world.aws.sts.knobs.known_keys_only = True
        world.create(pod("a", "10.0.0.1", role="web"))
        async with world.running("--no-prefetch") as controller:
            wanted = await key_of(controller, "10.0.0.1")
            assert await controller.credentials.get(wanted, 0.5) is None
            world.aws.sts.create_user("node", "key")
            assert isinstance(await controller.credentials.get(wanted, 10), Credentials)

    async def test_none_at_all_neither(self, world: World, session: AwsSession) -> None:
        with pytest.raises(Unavailable):
            await Sts(session, issue_token=issue).fetch(CredentialKey(BASE + "web", session_name="web"))

    async def test_nor_a_broker_that_cannot_be_assumed(self, world: World) -> None:
        world.aws.sts.create_role("web")
        async with AwsSession(region="eu-central-1", endpoint_url=world.aws.url) as session:
            asked = CredentialKey(BASE + "web", session_name="web")
            with pytest.raises(Unavailable, match=BASE + "nobroker"):
                await Sts(session, issue_token=issue, broker=BASE + "nobroker").fetch(asked)

    async def test_a_role_that_does_not_trust_the_broker_is_at_fault(self, world: World) -> None:
        world.aws.sts.create_role("broker")
        nobody = {
            "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": BASE + "x"}}]
        }
        world.aws.sts.create_role("web", nobody)
        async with AwsSession(region="eu-central-1", endpoint_url=world.aws.url) as session:
            with pytest.raises(Denied):
                await Sts(session, issue_token=issue, broker=BASE + "broker").fetch(
                    CredentialKey(BASE + "web", session_name="web")
                )

    async def test_no_region_neither(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(world.folder / "none"))
        async with AwsSession(endpoint_url=world.aws.url) as session:
            with pytest.raises(Unavailable, match="region"):
                await Sts(session, issue_token=issue).fetch(CredentialKey(BASE + "web", session_name="web"))
