"""The wiring of the webhook: whom it asks, as whom it is known, and what it answers."""

from addons.admission.authorities import Authorities
from addons.admission.life import live as live_as_webhook
from addons.admission.server import Webhook
from addons.cni import names
from addons.cni.config import Config
from addons.cni.server.webhook import REVIEWS, answer
from addons.runtime.daemon import component, pod_namespace
from addons.runtime.kube import KubeClient

_NAME = "cni-webhook"


async def live(config: Config) -> None:
    """Serve until SIGTERM. Raises SettingError where it cannot listen."""
    async with KubeClient.connect(config.kubeconfig, user_agent=component(_NAME)) as kube:
        known = authorities(kube, namespace=pod_namespace(), name=config.webhook_name)
        await live_as_webhook(_NAME, config.listen, webhook(config.webhook_listen), known)


def webhook(listen: str) -> Webhook:
    """The door for the API server."""
    return Webhook(listen, answer, REVIEWS)


def authorities(kube: KubeClient, *, namespace: str, name: str) -> Authorities:
    """Where the authority is kept and made known; `name` is that of Service and Secret."""
    return Authorities(kube, namespace=namespace, name=name, webhook=names.WEBHOOK, manager=names.PLUGIN)
