"""A cluster and an account as the original left them, for our controller to take over."""

import json
from base64 import b64encode
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from addons.albingress.names import TAG_RULE, TAG_SPEC
from addons.sim.aws.recording import record
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_world import NETWORKING, PREFIX, World
from tests.support.original import Original

Object = dict[str, Any]

_PLURALS = {
    "Namespace": "namespaces",
    "Node": "nodes",
    "IngressClass": "ingressclasses",
    "IngressClassParams": "ingressclassparams",
    "Service": "services",
    "Pod": "pods",
    "EndpointSlice": "endpointslices",
    "Secret": "secrets",
    "Ingress": "ingresses",
    "TargetGroupBinding": "targetgroupbindings",
}
_UNORDERED = ("rules", "security_groups", "listeners", "target_groups", "targets", "certificates")


class RecordedWorld(World):
    """What was recorded of one situation, put back."""

    def __init__(self, api: KubeApi, aws: AwsEndpoint, folder: Path, original: Original) -> None:
        self.original = original
        self.cluster = original.cluster
        super().__init__(api, aws, folder)
        self.arns = frozenset(self._tags())
        shared = self.aws.ec2.account.security_groups.values()
        self.own_groups = frozenset(each.id for each in shared if "elbv2.k8s.aws/cluster" not in each.tags)

    def make_network(self) -> tuple[str, list[str]]:
        """Put the account back."""
        self.original.put_into(self.aws)
        return self.original.vpc, list(self.aws.ec2.account.subnets)

    def make_objects(self) -> None:
        """Put the objects back, with their uids."""
        for each in self.original.objects:
            self.create(each, kind=_PLURALS[each["kind"]], version=each["apiVersion"])

    def account(self) -> Object:
        """What AWS has, without what says when and in what order it was made."""
        return _sorted(record(self.aws))

    def recorded_account(self) -> Object:
        """The same, as the original left it."""
        return _sorted(self.original.account)

    def marked(self) -> list[str]:
        """What the original made and bears a tag of ours all the same."""
        return [
            arn for arn, tags in self._tags().items() if arn in self.arns and {TAG_RULE, TAG_SPEC} & set(tags)
        ]

    def _tags(self) -> dict[str, Mapping[str, str]]:
        elb = self.elb
        things = (elb.load_balancers, elb.listeners, elb.rules, elb.target_groups)
        found = {each.arn: each.tags for part in things for each in part.values()}
        return found | {each.id: each.tags for each in self.aws.ec2.account.security_groups.values()}

    def annotate(self, name: str, **annotations: str) -> None:
        """Change annotations of an Ingress; in their names `__` stands for a dot, and `_` for a dash."""
        found = next(each for each in self._ingresses() if each["metadata"]["name"] == name)
        said = {PREFIX + key.replace("__", ".").replace("_", "-"): text for key, text in annotations.items()}
        self._update(found, {**found["metadata"].get("annotations", {}), **said}, found["spec"])

    def ask(self, name: str, *paths: Object) -> None:
        """Have an Ingress ask for more paths of its first host."""
        found = next(each for each in self._ingresses() if each["metadata"]["name"] == name)
        rule = found["spec"]["rules"][0]
        asked = {**rule, "http": {"paths": [*rule["http"]["paths"], *paths]}}
        spec = {**found["spec"], "rules": [asked, *found["spec"]["rules"][1:]]}
        self._update(found, found["metadata"].get("annotations", {}), spec)

    def as_recorded(self, name: str) -> None:
        """Have an Ingress ask again for what it asked for."""
        found = next(each for each in self._ingresses() if each["metadata"]["name"] == name)
        (was,) = (each for each in self.original.of_kind("Ingress") if each["metadata"]["name"] == name)
        self._update(found, was["metadata"].get("annotations", {}), was["spec"])

    def tell_secret(self, client_secret: str) -> None:
        """Have the Secret of the login say this."""
        (was,) = self.original.of_kind("Secret")
        now = self.api.store.get("v1", "secrets", was["metadata"]["namespace"], was["metadata"]["name"])
        data = {**now["data"], "clientSecret": b64encode(client_secret.encode()).decode()}
        self.api.store.update("v1", "secrets", {**now, "data": data})

    def delete_ingress(self, *names: str) -> None:
        """Delete Ingresses."""
        for each in self._ingresses():
            if each["metadata"]["name"] in names:
                self.api.store.delete(
                    NETWORKING, "ingresses", each["metadata"]["namespace"], each["metadata"]["name"]
                )

    def _update(self, found: Object, annotations: Object, spec: Object) -> None:
        changed = {**found, "metadata": {**found["metadata"], "annotations": annotations}, "spec": spec}
        self.api.store.update(NETWORKING, "ingresses", changed)


def _sorted(account: Mapping[str, Any]) -> Object:
    """An account with its lists in one order, without the ids of rules and what has been counted."""
    return {
        service: {name: _in_order(name, value) for name, value in parts.items()}
        for service, parts in account.items()
        if service != "numbers"
    }


def _in_order(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _in_order(key, each) for key, each in value.items() if (name, key) != ("rules", "id")}
    if isinstance(value, list):
        listed = [_in_order(name, each) for each in value]
        return sorted(listed, key=partial(json.dumps, sort_keys=True)) if name in _UNORDERED else listed
    return value
