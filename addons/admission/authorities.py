"""The Kubernetes side of a webhook: the Secret of its authority, and the configuration that trusts it."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from contextlib import suppress
from typing import ClassVar

from addons.runtime.errors import AlreadyExists, Conflict, NotFound
from addons.runtime.kube import KubeClient
from addons.runtime.objects import KubeObject, Part, Resource

SECRETS = Resource("", "v1", "secrets", "Secret")
CONFIGURATIONS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    namespaced=False,
)
_CERTIFICATE, _KEY = "tls.crt", "tls.key"


class Secret(KubeObject, frozen=True):
    """Data that is kept from most eyes; the values are in base64."""

    resource: ClassVar[Resource] = SECRETS
    data: Mapping[str, str] = {}


class _ClientConfig(Part, frozen=True):
    ca_bundle: str = ""


class _Webhook(Part, frozen=True):
    client_config: _ClientConfig = _ClientConfig()


class Configuration(KubeObject, frozen=True):
    """Which webhooks the API server asks, and by whose certificates it knows them."""

    resource: ClassVar[Resource] = CONFIGURATIONS
    webhooks: tuple[_Webhook, ...] = ()


class Authorities:
    """Keeps the key pair of the webhook's authority in a Secret that all replicas share.

    Secret and Service have the same `name`. `webhook` is its own one in the configuration, `manager` who
    writes to that.
    """

    def __init__(self, kube: KubeClient, *, namespace: str, name: str, webhook: str, manager: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._name = name
        self._webhook = webhook
        self._manager = manager
        self.configuration = f"{name}.{namespace}"
        """The name of the MutatingWebhookConfiguration: the only one of the three that is no namespace's."""
        self.host = f"{name}.{namespace}.svc"
        """The name of the Service by which the API server reaches the webhook."""
        self._version = ""  # of the Secret as last read; empty when there was none

    async def read(self) -> tuple[bytes, bytes] | None:
        """Give certificate and key as they are kept; None when there are none. Raises OutsideError."""
        self._version = ""
        try:
            secret = await self._kube.get(SECRETS, Secret, namespace=self._namespace, name=self._name)
            self._version = secret.metadata.resource_version
            return b64decode(secret.data[_CERTIFICATE]), b64decode(secret.data[_KEY])
        except (NotFound, KeyError, NotBase64):
            return None

    async def keep(self, certificate: bytes, key: bytes) -> None:
        """Keep a new pair in the place of what was read last, unless another replica did so meanwhile.

        The Secret belongs to the configuration, and Kubernetes deletes it with that. Raises OutsideError,
        NotFound when there is no configuration.
        """
        found = await self._kube.get(CONFIGURATIONS, Configuration, name=self.configuration)
        data = {_CERTIFICATE: b64encode(certificate).decode(), _KEY: b64encode(key).decode()}
        with suppress(AlreadyExists, Conflict):
            metadata = {"name": self._name, "ownerReferences": [_owner(found)]}
            if self._version:
                body = {"metadata": {**metadata, "resourceVersion": self._version}, "data": data}
                await self._kube.merge_patch(SECRETS, body, namespace=self._namespace, name=self._name)
            else:
                await self._kube.create(SECRETS, _secret(metadata, data), namespace=self._namespace)

    async def trust(self, certificate: bytes) -> None:
        """Have the API server trust whom this authority certifies; the chart makes the rest.

        Raises OutsideError, NotFound when there is no configuration.
        """
        client = {"caBundle": b64encode(certificate).decode()}
        found = await self._kube.get(CONFIGURATIONS, Configuration, name=self.configuration)
        if [each.client_config.ca_bundle for each in found.webhooks] == [client["caBundle"]]:
            return
        body = {
            "apiVersion": CONFIGURATIONS.api_version,
            "kind": CONFIGURATIONS.kind,
            "metadata": {"name": self.configuration},
            "webhooks": [{"name": self._webhook, "clientConfig": client}],
        }
        await self._kube.apply(CONFIGURATIONS, body, name=self.configuration, field_manager=self._manager)


def _secret(metadata: Mapping[str, object], data: Mapping[str, str]) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "kubernetes.io/tls",
        "data": data,
    }


def _owner(configuration: Configuration) -> dict[str, str]:
    """A reference by which the garbage collector knows whom the Secret goes with."""
    return {
        "apiVersion": CONFIGURATIONS.api_version,
        "kind": CONFIGURATIONS.kind,
        "name": configuration.metadata.name,
        "uid": configuration.metadata.uid,
    }
