"""The parts of a node that is known, put together."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from addons.cni.aws.enis import Enis
from addons.cni.aws.instance_types import read_limits
from addons.cni.aws.left_behind import LeftBehind
from addons.cni.aws.node import NodeMetadata
from addons.cni.aws.subnets import Subnets
from addons.cni.aws.vpc import Vpc
from addons.cni.config import Config
from addons.cni.controller.addresses import AddressPool
from addons.cni.controller.interfaces import Interfaces
from addons.cni.controller.network import Network, mark_of, mtu_of
from addons.cni.controller.node import Node
from addons.cni.controller.pod_lookup import Lookup
from addons.cni.controller.pods import PodCheck
from addons.cni.controller.pool import Pool
from addons.cni.controller.recovery import Recovery
from addons.cni.controller.sandboxes import Sandboxes
from addons.cni.controller.surroundings import Surroundings
from addons.cni.controller.sweep import Sweep
from addons.cni.controller.translation import Translating
from addons.cni.kube.watches import NodeWatches
from addons.cni.model.enis import InstanceLimits, NodeIdentity
from addons.cni.net.node import NodeNetwork, settings_of_node
from addons.cni.net.pods import Pods
from addons.cni.net.snat import Snat
from addons.cni.net.wiring import veth_name
from addons.cni.plan.pace import LEASE_RETRY_SECONDS, LEASE_SECONDS, RENEW_SECONDS
from addons.cni.plugin.install import spool_of
from addons.cni.store.journal import Journal
from addons.cni.store.spool import Spool
from addons.runtime.daemon import Parts, component, pod_namespace
from addons.runtime.errors import NotFound
from addons.runtime.imds import InstanceMetadata
from addons.runtime.leader import Leader

log = logging.getLogger(__name__)

_AUDITS_BEFORE_SWEEP = 5
"""The first sweep of interfaces left behind comes within so many audits, at a random time."""


@dataclass(frozen=True, kw_only=True)
class Doors:
    """What a node's parts reach the world by. `link` is the name of the first interface's."""

    identity: NodeIdentity
    limits: InstanceLimits
    metadata: NodeMetadata
    subnets: Subnets
    enis: Enis
    journal: Journal
    kernel: NodeNetwork
    pods: Pods
    snat: Snat
    link: str


@asynccontextmanager
async def assembled(
    config: Config,
    parts: Parts,
    watched: NodeWatches,
    metadata: InstanceMetadata,
    *,
    now: Callable[[], datetime],
) -> AsyncIterator[Node]:
    """Read what node this is, open the journal and the kernel, and give all parts. Raises OutsideError."""
    async with _doors(config, parts, NodeMetadata(metadata), now) as doors:
        interfaces = Interfaces(doors.enis.observe, now=now)
        network = _network(config, doors, interfaces)
        addresses = _addresses(config, doors, now)
        pool = _pool(config, parts, watched, doors, interfaces, network, addresses, now)
        yield Node(
            config,
            parts,
            watched,
            identity=doors.identity,
            limits=doors.limits,
            journal=doors.journal,
            spool=Spool(spool_of(config)),
            interfaces=interfaces,
            addresses=addresses,
            pool=pool,
            sandboxes=_sandboxes(config, watched, doors, network, addresses, pool, now),
            network=network,
            kernel=doors.kernel,
            metadata=doors.metadata,
            translating=_translating(config, parts, doors, interfaces, now),
            sweep=sweep_of(config, parts, doors.identity, now),
            now=now,
        )


@asynccontextmanager
async def _doors(
    config: Config, parts: Parts, metadata: NodeMetadata, now: Callable[[], datetime]
) -> AsyncIterator[Doors]:
    identity = await metadata.identity()
    limits = await read_limits(parts.aws, identity.instance_type)
    subnets = Subnets(parts.aws, identity, cluster=config.cluster_name)
    async with AsyncExitStack() as stack:
        journal = Journal(Path(config.state_dir), now=now)
        stack.push_async_callback(journal.close)
        kernel = await stack.enter_async_context(NodeNetwork())
        link = await primary_link(kernel, identity)
        await kernel.set_kernel(settings_of_node(link, is_marking=mark_of(config) > 0))
        snat = Snat()
        stack.callback(snat.close)
        yield Doors(
            identity=identity,
            limits=limits,
            metadata=metadata,
            subnets=subnets,
            enis=_enis(config, parts, identity, subnets, now),
            journal=journal,
            kernel=kernel,
            pods=await stack.enter_async_context(Pods()),
            snat=snat,
            link=link,
        )


async def primary_link(kernel: NodeNetwork, identity: NodeIdentity) -> str:
    """The name of the link of the node's first interface. Raises OutsideError."""
    observed = await kernel.observe([identity.primary_mac])
    link = observed.by_mac(identity.primary_mac)
    if link is None:
        mac, eni_id = identity.primary_mac, identity.primary_eni_id
        raise NotFound(f"no link of this node has the hardware address {mac} of {eni_id}")
    return link.name


def _enis(
    config: Config, parts: Parts, identity: NodeIdentity, subnets: Subnets, now: Callable[[], datetime]
) -> Enis:
    return Enis(
        parts.aws,
        identity,
        subnets,
        cluster=config.cluster_name,
        more_tags=config.additional_eni_tags,
        manages_untagged=config.manage_untagged_eni,
        now=now,
    )


def _network(config: Config, doors: Doors, interfaces: Interfaces) -> Network:
    return Network(
        config,
        pods=doors.pods,
        node=doors.kernel,
        interfaces=interfaces,
        allocations=doors.journal.allocations,
    )


def _addresses(config: Config, doors: Doors, now: Callable[[], datetime]) -> AddressPool:
    return AddressPool(
        doors.journal.allocations,
        cooldown=timedelta(seconds=config.ip_cooldown_period),
        minimum_cooldown=minimum_of(config),
        now=now,
    )


def _pool(
    config: Config,
    parts: Parts,
    watched: NodeWatches,
    doors: Doors,
    interfaces: Interfaces,
    network: Network,
    addresses: AddressPool,
    now: Callable[[], datetime],
) -> Pool:
    recovery = Recovery(
        config,
        journal=doors.journal,
        interfaces=interfaces,
        network=network,
        pods=watched.pods,
        now=now,
    )
    return Pool(
        config,
        interfaces=interfaces,
        surroundings=Surroundings(
            config, doors.identity, subnets=doors.subnets, metadata=doors.metadata, now=now
        ),
        addresses=addresses,
        allocations=doors.journal.allocations,
        watched=watched,
        limits=doors.limits,
        door=doors.enis,
        recover=recovery.once,
        prepare=network.prepare,
        reporter=parts.reporter,
        print_plan=parts.print_plan,
        now=now,
    )


def _sandboxes(
    config: Config,
    watched: NodeWatches,
    doors: Doors,
    network: Network,
    addresses: AddressPool,
    pool: Pool,
    now: Callable[[], datetime],
) -> Sandboxes:
    return Sandboxes(
        journal=doors.journal,
        addresses=addresses,
        network=network,
        pods=PodCheck(Lookup(watched)),
        name_of=lambda pod, if_name: veth_name(config.veth_prefix, pod, if_name),
        not_ready=pool.not_ready,
        add_timeout=config.add_timeout,
        cooldown=timedelta(seconds=config.ip_cooldown_period),
        mtu=mtu_of(config),
        now=now,
    )


def _translating(
    config: Config, parts: Parts, doors: Doors, interfaces: Interfaces, now: Callable[[], datetime]
) -> Translating:
    return Translating(
        config,
        doors.identity,
        primary_link=doors.link,
        mark=mark_of(config),
        vpc=Vpc(parts.aws, doors.identity.vpc_id),
        metadata=doors.metadata,
        interfaces=interfaces,
        snat=doors.snat,
        reporter=parts.reporter,
        now=now,
    )


def minimum_of(config: Config) -> timedelta | None:
    """How long addresses rest at least when nothing else is left."""
    return None if config.minimum_cooldown is None else timedelta(seconds=config.minimum_cooldown)


def sweep_of(
    config: Config, parts: Parts, identity: NodeIdentity, now: Callable[[], datetime]
) -> Sweep | None:
    """The sweep of interfaces that instances left behind, unless the settings leave it out."""
    if config.disable_leaked_eni_cleanup:
        return None
    left_behind = LeftBehind(parts.aws, vpc_id=identity.vpc_id, cluster=config.cluster_name, now=now)
    leader = Leader(
        parts.kube,
        namespace=config.lease_namespace or pod_namespace(),
        name=config.lease_name or component("cni"),
        identity=config.node,
        lease_seconds=LEASE_SECONDS,
        renew_seconds=RENEW_SECONDS,
        retry_seconds=LEASE_RETRY_SECONDS,
    )
    longest = _AUDITS_BEFORE_SWEEP * config.audit_interval.total_seconds()
    return Sweep(
        left_behind,
        leader=leader,
        reporter=parts.reporter,
        first_seconds=lambda: Random().uniform(0, longest),  # noqa: S311
    )
