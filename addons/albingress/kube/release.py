"""Let Ingresses go: stop the daemon, and take its finalizers off them. Load balancers stay."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar

from addons.albingress import names
from addons.albingress.model.objects import (
    INGRESSES,
    TARGET_GROUP_BINDINGS,
    FinalizedMeta,
    IngressStatus,
)
from addons.runtime.errors import Conflict, NotFound, OutsideError
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS, KubeObject, Part, Resource, ref

log = logging.getLogger(__name__)

DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")

_LOOK_SECONDS = 1.0


class Held(KubeObject, frozen=True):
    """As much of an Ingress or a TargetGroupBinding as tells who holds it, and what serves it."""

    metadata: FinalizedMeta = FinalizedMeta()
    status: IngressStatus = IngressStatus()

    @property
    def left(self) -> list[str]:
        """The finalizers of others."""
        return [each for each in self.metadata.finalizers if not is_ours(each)]

    @property
    def hostnames(self) -> str:
        """The load balancers that its status names."""
        return ", ".join(each.hostname for each in self.status.load_balancer.ingress if each.hostname)


class HeldIngress(Held, frozen=True):
    """An Ingress."""

    resource: ClassVar[Resource] = INGRESSES


class HeldBinding(Held, frozen=True):
    """A TargetGroupBinding."""

    resource: ClassVar[Resource] = TARGET_GROUP_BINDINGS


class _Selector(Part, frozen=True):
    match_labels: Mapping[str, str] = {}


class DeploymentSpec(Part, frozen=True):
    """Whose pods are its own."""

    selector: _Selector = _Selector()


class DeploymentStatus(Part, frozen=True):
    """How many pods there are that are not about to go, as of the `observed_generation` of the spec."""

    observed_generation: int = 0
    replicas: int = 0


class Deployment(KubeObject, frozen=True):
    """What keeps the daemon's pods running."""

    resource: ClassVar[Resource] = DEPLOYMENTS
    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()

    @property
    def is_scaled_down(self) -> bool:
        """Whether all its pods are told to go, or are gone."""
        return self.status.observed_generation >= self.metadata.generation and not self.status.replicas

    @property
    def label_selector(self) -> str:
        """The labels of its pods, as a query has them."""
        return ",".join(f"{key}={value}" for key, value in sorted(self.spec.selector.match_labels.items()))


def is_ours(finalizer: str) -> bool:
    """Whether a finalizer is one that this daemon, or the original, sets."""
    plain = (names.FINALIZER, names.BINDING_FINALIZER)
    return finalizer in plain or finalizer.startswith(names.GROUP_FINALIZER)


async def stop(kube: KubeClient, namespace: str, name: str, *, patience: timedelta) -> bool:
    """Scale a Deployment to nothing and wait until its pods are gone; False when they are not in time.

    A daemon that goes on would set its finalizers again. One that is not there has stopped. Raises
    OutsideError.
    """
    try:
        body = {"spec": {"replicas": 0}}
        await kube.merge_patch(DEPLOYMENTS, body, namespace=namespace, name=name, subresource="scale")
        with suppress(TimeoutError):
            async with asyncio.timeout(patience.total_seconds()):
                await _gone(kube, namespace, name)
                return True
    except NotFound:
        return True
    return False


async def _gone(kube: KubeClient, namespace: str, name: str) -> None:
    """Wait for the last pod: while it ends, the daemon in it still works, and no status counts it."""
    while True:
        found = await kube.get(DEPLOYMENTS, Deployment, namespace=namespace, name=name)
        if found.is_scaled_down and not await kube.list(
            PODS, KubeObject, namespace=namespace, label_selector=found.label_selector
        ):
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def release(kube: KubeClient, namespace: str = "") -> AsyncIterator[tuple[Held, OutsideError | None]]:
    """Take our finalizers off every object of a namespace or of all; give each, and what failed."""
    for each in await _held(kube, namespace):
        error = None
        try:
            await _let_go(kube, each)
        except NotFound:
            continue
        except OutsideError as failure:
            error = failure
        yield each, error


async def _held(kube: KubeClient, namespace: str) -> Iterable[Held]:
    found: list[Held] = list(await kube.list(INGRESSES, HeldIngress, namespace=namespace))
    with suppress(NotFound):  # the definition may not be installed
        found += await kube.list(TARGET_GROUP_BINDINGS, HeldBinding, namespace=namespace)
    return [each for each in found if len(each.left) < len(each.metadata.finalizers)]


async def _let_go(kube: KubeClient, held: Held) -> None:
    """Write the finalizers without ours; read again when somebody else has written meanwhile."""
    while True:
        meta: dict[str, Any] = {"finalizers": held.left, "resourceVersion": held.metadata.resource_version}
        namespace, name = held.metadata.namespace, held.metadata.name
        try:
            await kube.merge_patch(held.resource, {"metadata": meta}, namespace=namespace, name=name)
        except Conflict:
            held = await kube.get(held.resource, type(held), namespace=namespace, name=name)
        else:
            log.info("released: %s", ref(held))
            return
