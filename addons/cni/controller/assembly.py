"""The parts of a node that is known, put together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

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
from addons.cni.plugin.install import spool_of
from addons.cni.store.journal import Journal
from addons.cni.store.spool import Spool
from addons.runtime.daemon import Parts, component, pod_namespace
from addons.runtime.errors import NotFound
from addons.runtime.imds import InstanceMetadata
from addons.runtime.leader import Leader

log = logging.getLogger(__name__)


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
    door = NodeMetadata(metadata)
    identity = await door.identity()
    limits = await read_limits(parts.aws, identity.instance_type)
    journal = Journal(Path(config.state_dir), now=now)
    try:
        async with NodeNetwork() as kernel, Pods() as pods:
            link = await primary_link(kernel, identity)
            await kernel.set_kernel(settings_of_node(link, is_marking=mark_of(config) > 0))
            snat = await asyncio.to_thread(Snat)
            try:
                yield _node(
                    config, parts, watched, door, identity, limits, journal, kernel, pods, snat, link, now
                )
            finally:
                snat.close()
    finally:
        await journal.close()


async def primary_link(kernel: NodeNetwork, identity: NodeIdentity) -> str:
    """The name of the link of the node's first interface. Raises OutsideError."""
    observed = await kernel.observe([identity.primary_mac])
    link = observed.by_mac(identity.primary_mac)
    if link is None:
        mac, eni_id = identity.primary_mac, identity.primary_eni_id
        raise NotFound(f"no link of this node has the hardware address {mac} of {eni_id}")
    return link.name


def _node(
    config: Config,
    parts: Parts,
    watched: NodeWatches,
    metadata: NodeMetadata,
    identity: NodeIdentity,
    limits: InstanceLimits,
    journal: Journal,
    kernel: NodeNetwork,
    pods: Pods,
    snat: Snat,
    link: str,
    now: Callable[[], datetime],
) -> Node:
    subnets = Subnets(parts.aws, identity, cluster=config.cluster_name)
    door = Enis(
        parts.aws,
        identity,
        subnets,
        cluster=config.cluster_name,
        more_tags=config.additional_eni_tags,
        manages_untagged=config.manage_untagged_eni,
        now=now,
    )
    interfaces = Interfaces(door.observe, now=now)
    network = Network(config, pods=pods, node=kernel, interfaces=interfaces, allocations=journal.allocations)
    recovery = Recovery(
        config, journal=journal, interfaces=interfaces, network=network, pods=watched.pods, now=now
    )
    cooldown = timedelta(seconds=config.ip_cooldown_period)
    addresses = AddressPool(
        journal.allocations, cooldown=cooldown, minimum_cooldown=minimum_of(config), now=now
    )
    pool = Pool(
        config,
        interfaces=interfaces,
        surroundings=Surroundings(config, identity, subnets=subnets, metadata=metadata, now=now),
        addresses=addresses,
        allocations=journal.allocations,
        watched=watched,
        limits=limits,
        door=door,
        recover=recovery.once,
        prepare=network.prepare,
        reporter=parts.reporter,
        print_plan=parts.print_plan,
        now=now,
    )
    sandboxes = Sandboxes(
        journal=journal,
        addresses=addresses,
        network=network,
        pods=PodCheck(Lookup(watched)),
        name_of=lambda pod, if_name: veth_name(config.veth_prefix, pod, if_name),
        not_ready=lambda: pool.not_ready(),
        add_timeout=config.add_timeout,
        cooldown=cooldown,
        mtu=mtu_of(config),
        now=now,
    )
    vpc = Vpc(parts.aws, identity.vpc_id)
    translating = Translating(
        config,
        identity,
        primary_link=link,
        mark=mark_of(config),
        vpc=vpc,
        metadata=metadata,
        interfaces=interfaces,
        snat=snat,
        reporter=parts.reporter,
        now=now,
    )
    return Node(
        config,
        parts,
        watched,
        identity=identity,
        limits=limits,
        journal=journal,
        spool=Spool(spool_of(config)),
        interfaces=interfaces,
        addresses=addresses,
        pool=pool,
        sandboxes=sandboxes,
        network=network,
        kernel=kernel,
        metadata=metadata,
        translating=translating,
        sweep=sweep_of(config, parts, identity, now),
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
        settled=parts.aws.settled,
    )
    return Sweep(left_behind, leader=leader, reporter=parts.reporter)
