"""The webhook: new pods of labelled namespaces are given the readiness gates of their target groups."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import Counter

from addons.admission.authorities import Authorities
from addons.admission.life import Sources
from addons.admission.life import live as live_as_webhook
from addons.admission.server import Answer, Webhook
from addons.albingress import names
from addons.albingress.config import Config
from addons.albingress.controller.groups import Groups
from addons.albingress.desired.gate_injection import gate_patch, gates_of_bindings, gates_of_group, selecting
from addons.albingress.desired.groups import in_order
from addons.albingress.desired.inputs import GroupInputs
from addons.albingress.kube.endpoints import Touched
from addons.albingress.kube.watches import IngressWatches
from addons.albingress.model.groups import GroupId
from addons.runtime.daemon import component, pod_namespace
from addons.runtime.kube import KubeClient
from addons.runtime.objects import Key

_NAME = "albingress-webhook"
_MANAGER = "albingress"

REVIEWS = Counter(
    "addons_albingress_webhook_reviews_total",
    "Pods that the API server asked about: gated, left, unreadable, or unknown while not all Ingresses are.",
    ["outcome"],
)


class GateInjection:
    """Answers from the caches which gates a pod gets, without AWS.

    A pod is never refused and never waits: while the caches are not filled it goes without gates.
    """

    def __init__(self, config: Config, kube: KubeClient) -> None:
        self._config = config
        self._is_on = config.enable_pod_readiness_gate_inject and not config.dry_run
        self._watches = IngressWatches(kube, namespace=config.watch_namespace, on_change=self._touched)
        self._groups = Groups(config, self._watches)

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep the caches up to date until `stopping`."""
        await self._watches.run(stopping)

    def not_ready(self) -> str:
        """Why pods go without gates, in words; what is known is answered from, also when it gets old."""
        return "" if self._watches.is_filled else self._watches.not_ready() or "the caches are not filled yet"

    def answer(self, pod: Mapping[str, Any], namespace: str) -> Answer:
        """Have a pod wait for the target groups that it will be in; for none in a dry run."""
        if not self._is_on:
            return Answer("left")
        if not self._watches.is_filled:
            return Answer("unknown")
        patch = gate_patch(pod, self._gates(pod, namespace))
        return Answer("gated" if patch else "left", patch)

    def _gates(self, pod: Mapping[str, Any], namespace: str) -> Iterator[str]:
        labels = pod.get("metadata", {}).get("labels") or {}
        here = (each for each in self._watches.services.all() if each.metadata.namespace == namespace)
        services = selecting(here, labels)
        yield from gates_of_bindings(self._watches.bindings.all(), services)
        for group in {group for each in services for group in self._groups.groups_of_service(each)}:
            yield from gates_of_group(self._inputs(group), services)

    def _inputs(self, group: GroupId) -> GroupInputs:
        """A group as far as Kubernetes knows it."""
        places = self._groups.of(group)
        members = [each.member for each in places if each.member and each.member.group == group]
        named: set[Key] = {service for each in places for service in each.services}
        found = {which: self._watches.services.get(*which) for which in named}
        return GroupInputs(
            group=group,
            config=self._config,
            members=in_order(members),
            services={which: service for which, service in found.items() if service},
        )

    def _touched(self, touched: Touched) -> None:
        self._groups.update(touched)


async def live(config: Config) -> None:
    """Serve until SIGTERM. Raises SettingError where it cannot listen."""
    async with KubeClient.connect(config.kubeconfig, user_agent=component(_NAME)) as kube:
        injection = GateInjection(config, kube)
        door = webhook(config.webhook_listen, injection)
        known = authorities(kube, namespace=pod_namespace(), name=config.webhook_name)
        sources = Sources(parts=(injection.run,), not_ready=injection.not_ready)
        await live_as_webhook(_NAME, config.listen, door, known, sources)


def webhook(listen: str, injection: GateInjection) -> Webhook:
    """The door for the API server."""
    return Webhook(listen, injection.answer, REVIEWS)


def authorities(kube: KubeClient, *, namespace: str, name: str) -> Authorities:
    """Where the authority is kept and made known; `name` is that of Service and Secret."""
    manager = component(_MANAGER)
    return Authorities(kube, namespace=namespace, name=name, webhook=names.GATE_WEBHOOK, manager=manager)
