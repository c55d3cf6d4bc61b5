"""The life of the webhook: connection, trust, the door for the API server, and its status."""

from addons.cni.config import Config
from addons.cni.controller.webhook import Trust
from addons.cni.kube.webhook import Authorities
from addons.cni.server.webhook import Webhook
from addons.runtime.app import run_until_stopped, version
from addons.runtime.daemon import component, pod_namespace
from addons.runtime.decisions import Decisions
from addons.runtime.kube import KubeClient
from addons.runtime.web import StatusServer

_NAME = "cni-webhook"
_GRACE_SECONDS = 5.0


async def live(config: Config) -> None:
    """Serve until SIGTERM. Raises SettingError where it cannot listen."""
    async with KubeClient.connect(config.kubeconfig, user_agent=component(_NAME)) as kube:
        namespace = pod_namespace()
        host = f"{config.webhook_name}.{namespace}.svc"
        server = Webhook(config.webhook_listen)
        authorities = Authorities(kube, namespace=namespace, name=config.webhook_name)
        trust = Trust(authorities, server, host=host)

        def not_ready() -> str:
            return trust.not_ready() or server.not_ready()

        status = StatusServer(
            config.listen,
            name=_NAME,
            ready=not_ready,
            state=lambda: {
                "daemon": _NAME,
                "version": version(),
                "host": host,
                "configuration": authorities.configuration,
                "trouble": trust.error,
            },
            decisions=Decisions(),
        )
        await run_until_stopped(status.serve, server.serve, trust.run, grace=_GRACE_SECONDS)
