"""What must hold once all is calm: nothing lost, nothing foreign changed, nothing leaked.

Each function gives complaints, a line each; none of them is good.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import Any

from addons.cni.names import POD_IP
from addons.demo.cluster import NAMESPACE
from addons.demo.reach import get
from addons.demo.soak.foreign import Foreign
from addons.demo.soak.wishes import FOREIGN_NAME, ROLES, App, Wishes
from addons.demo.suite.application import PORT
from addons.demo.suite.charts import OWNER
from addons.demo.suite.people import Owners, Users
from addons.demo.suite.pods import Machine, PodRun
from addons.demo.suite.site import MOST, Site
from addons.sim.aws.elbv2.account import Account
from addons.sim.net import METADATA, run_tool

_LIST = f"http://{METADATA}/latest/meta-data/iam/security-credentials/"
_SPARE = 8 + 2
"""Addresses that a node may hold for its next pods: the headroom, and what is just given back."""


class Invariants:
    """Looks at one world; `Wishes` says what there is to be."""

    def __init__(self, site: Site, wishes: Wishes, foreign: Foreign, users: Users) -> None:
        self._site, self._wishes, self._foreign, self._users = site, wishes, foreign, users

    async def complaints(self) -> dict[str, list[str]]:
        """Give what does not hold, by the name of the invariant; every name is there."""
        return {
            "pods run, and are connected": await self._connected(),
            "pods have addresses of their own": self.unique_addresses(),
            "names are those asked for": await self._names(),
            "load balancers serve what is asked for": await self._served(),
            "targets are the pods": self._targets(),
            "pods have their roles, and no others": await self._roles(),
            "groups are within their limits": self.within_limits(),
            "nothing foreign is changed": self._foreign.changed(),
            "no address or interface leaks": self._interfaces(),
            "no route, rule or namespace leaks": self._kernel(),
            "no node is tainted or cordoned": self._nodes(),
        }

    def unique_addresses(self) -> list[str]:
        """No two pods have one address, and each has it from an interface.

        Pods of a node that AWS has just taken away do not count: nobody has ended them, and their interfaces
        are gone at once.
        """
        runs = [run for run in self._runs() if run.sandbox and run.address and self._is_on(run)]
        held = Counter(run.address for run in runs)
        owners = self._site.aws.ec2.account.interfaces.values()
        found = [f"{count} pods have {address}" for address, count in held.items() if count > 1]
        for run in runs:
            if not any(eni.owns(IPv4Address(run.address)) for eni in owners):
                found.append(f"{run.name} has {run.address}, which no interface has")
        return found

    def _is_on(self, run: PodRun) -> bool:
        """Whether the instance of a pod's node runs."""
        kubelet = self._site.machines.kubelets.get(run.pod["spec"]["nodeName"])
        if kubelet is None:
            return False
        instance = self._site.aws.ec2.account.instances.get(kubelet.machine.at.instance.id)
        return instance is not None and instance.state in ("pending", "running")

    def within_limits(self) -> list[str]:
        """No group is larger than it may be."""
        sizes = {group: self._site.desired(group) for group in MOST}
        return [f"{group} has {size} nodes" for group, size in sizes.items() if size > MOST[group]]

    async def _connected(self) -> list[str]:
        found = []
        wanted = {name: app.replicas for name, app in self._wishes.apps.items()}
        for name, count in {**wanted, "batch": self._wishes.batch, "thief": 1}.items():
            pods, ready = self._owners().pods(name), self._owners().ready(name)
            if not len(pods) == len(ready) == count:
                found.append(f"{name}: {len(ready)} of {len(pods)} pods are ready, {count} are wanted")
        inside = self._site.edge.inside
        runs = [run for run in self._runs() if run.namespace == NAMESPACE and run.address]
        answers = await asyncio.gather(*(get(inside, f"http://{run.address}:{PORT}/") for run in runs))
        for run, answer in zip(runs, answers, strict=True):
            if answer.text != run.name:
                found.append(f"{run.name} at {run.address} answers {answer.words}")
        return found

    async def _names(self) -> list[str]:
        found = []
        wanted = self._wanted_names()
        for name, addresses in wanted.items():
            if (seen := await self._users.look_up(name)) != addresses:
                found.append(f"{name} is {seen}, and should be {addresses}")
        records = self._site.aws.route53.record_sets(self._site.world.zone_id)
        hosts = {app.host for app in self._apps() if app.host}
        theirs = {FOREIGN_NAME, f"a-{FOREIGN_NAME}"}
        plain = {each.name.rstrip(".") for each in records if each.type in ("A", "AAAA")}
        found += [f"record {name} is asked for by nobody" for name in plain - wanted.keys() - hosts - theirs]
        found += [f"record {name} is missing" for name in hosts - plain]
        texts = sum(f"external-dns/owner={OWNER}" in "".join(each.values) for each in records)
        owned = sum(each.type in ("A", "AAAA") and each.name.rstrip(".") not in theirs for each in records)
        return found if texts == owned else [*found, f"{texts} ownership texts for {owned} records"]

    def _wanted_names(self) -> Mapping[str, tuple[str, ...]]:
        wanted: dict[str, tuple[str, ...]] = {FOREIGN_NAME: ("192.0.2.99",)}
        for name, app in self._wishes.apps.items():
            addresses = self._owners().addresses(name)
            if app.name and addresses:
                wanted[app.name] = tuple(sorted(addresses.values()))
                wanted |= {f"{pod}.{app.name}": (address,) for pod, address in addresses.items()}
        return wanted

    async def _served(self) -> list[str]:
        found = []
        for app in self._apps():
            if app.host:
                status, text = await self._users.ask(app.host)
                if status != (200 if app.replicas else 503):
                    found.append(f"{app.host} answers {status} {text}, with {app.replicas} pods")
        balancers = [each for each in self._elb().load_balancers.values() if each.name != "theirs"]
        if len(balancers) != any(app.host for app in self._apps()):
            found.append(f"{len(balancers)} load balancers")
        rules = [rule for rule in self._elb().rules.values() if not rule.is_default]
        wanted = sum(bool(app.host) for app in self._apps())
        if len(rules) - 1 != wanted:  # one is somebody else's
            found.append(f"{len(rules) - 1} rules, and {wanted} are asked for")
        return found

    def _targets(self) -> list[str]:
        found, served = [], {name for name, app in self._wishes.apps.items() if app.host}
        groups = [each for each in self._elb().target_groups.values() if each.name != "theirs"]
        if len(groups) != len(served):
            found.append(f"{len(groups)} target groups for {len(served)} Services")
        seen = sorted(sorted(key[0] for key in group.targets) for group in groups)
        wanted = sorted(sorted(self._owners().addresses(name).values()) for name in served)
        return found if seen == wanted else [*found, f"targets {seen}, and pods {wanted}"]

    async def _roles(self) -> list[str]:
        found = []
        for name, app in self._wishes.apps.items():
            for run in self._owners().runs(name):
                answer = await get(run.inside, _LIST)
                wanted = (200, app.role) if ROLES.get(app.role) else ((403 if app.role else 404), "")
                seen = answer.status, answer.text.strip() if answer.status == 200 else ""
                if seen != wanted:
                    found.append(f"{run.name} with role {app.role or 'none'} gets {answer.words}")
        return found

    def _interfaces(self) -> list[str]:
        """Every interface belongs to a node, a load balancer or somebody else, and holds little in store."""
        found = []
        for eni in self._site.aws.ec2.account.interfaces.values():
            if eni.status == "available" and not self._foreign.has(eni.id):
                found.append(f"{eni.id} ({eni.description}) is attached to nobody")
        for kubelet in self._site.machines.kubelets.values():
            pods = sum(run.sandbox is not None for run in kubelet.runs.values())
            enis = self._site.aws.ec2.account.interfaces_of(kubelet.machine.at.instance.id)
            held = sum(len(eni.addresses) - 1 for eni in enis)
            if held > pods + _SPARE:
                found.append(f"{kubelet.machine.name} holds {held} addresses for {pods} pods")
        return found

    def _kernel(self) -> list[str]:
        """Each node has a route for each of its pods, and for nobody else; there is no other namespace."""
        found = []
        for kubelet in self._site.machines.kubelets.values():
            machine = kubelet.machine
            pods = {run.address for run in kubelet.runs.values() if run.sandbox}
            routes = _listed(machine, "route", "show", "table", "all")
            routed = {each["dst"] for each in routes if str(each.get("dev", "")).startswith("eni")}
            if routed != pods:
                found.append(f"{machine.name} has routes to {routed}, and pods {pods}")
            enis = self._site.aws.ec2.account.interfaces_of(machine.at.instance.id)
            held = {str(address) for eni in enis for address in eni.addresses}
            about = {str(each.get(key)) for each in _listed(machine, "rule") for key in ("src", "dst")}
            strange = {each for each in about if each.startswith("10.0.") and "/" not in each} - held
            if strange:
                found.append(f"{machine.name} has rules for {strange}, which it does not hold")
        sandboxes = sum(run.sandbox is not None for run in self._runs())
        names = [name for name in run_tool("ip", "netns", "list").splitlines() if self._is_sandbox(name)]
        return found if len(names) == sandboxes else [*found, f"{len(names)} namespaces, {sandboxes} pods"]

    def _is_sandbox(self, name: str) -> bool:
        prefix = next((r.sandbox.inside.name for r in self._runs() if r.sandbox), "")
        return bool(prefix) and name.startswith(prefix.rstrip("0123456789"))

    def _nodes(self) -> list[str]:
        found = []
        for node in self._site.store.list("v1", "nodes"):
            name, spec = node["metadata"]["name"], node["spec"]
            found += [f"{name} has the taint {each['key']}" for each in spec.get("taints") or ()]
            if spec.get("unschedulable"):
                found.append(f"{name} is cordoned")
            if POD_IP not in node["status"]["allocatable"]:
                found.append(f"{name} tells of no addresses")
        return found

    def _runs(self) -> Iterator[PodRun]:
        for kubelet in list(self._site.machines.kubelets.values()):
            yield from list(kubelet.runs.values())

    def _apps(self) -> list[App]:
        return list(self._wishes.apps.values())

    def _owners(self) -> Owners:
        return self._wishes.owners

    def _elb(self) -> Account:
        return self._site.aws.elbv2.account


def _listed(machine: Machine, *what: str) -> list[dict[str, Any]]:
    """What the `ip` command lists on a node."""
    found: list[dict[str, Any]] = json.loads(run_tool("ip", "-netns", machine.at.inside.name, "-json", *what))
    return found
