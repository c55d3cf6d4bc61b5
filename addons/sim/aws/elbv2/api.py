"""The HTTP side of ELBv2: what each operation takes, and what the knobs do to it."""

from collections.abc import Callable, Mapping
from typing import Any

from addons.sim.aws.elbv2.errors import ElbError, invalid, missing, unknown_parameter
from addons.sim.aws.elbv2.operations import (
    certificates,
    listeners,
    load_balancers,
    reservations,
    rules,
    tags,
    target_groups,
    targets,
)
from addons.sim.aws.elbv2.state import Elbv2
from addons.sim.aws.throttle import Throttles
from addons.sim.aws.wire import Wire

Call = dict[str, Any]
WIRE = Wire("elbv2", unknown=unknown_parameter, invalid=invalid, missing=missing)

OPERATIONS: Mapping[str, Callable[[Elbv2, Call], Call]] = {
    "AddListenerCertificates": certificates.add_listener_certificates,
    "AddTags": tags.add_tags,
    "CreateListener": listeners.create_listener,
    "CreateLoadBalancer": load_balancers.create_load_balancer,
    "CreateRule": rules.create_rule,
    "CreateTargetGroup": target_groups.create_target_group,
    "DeleteListener": listeners.delete_listener,
    "DeleteLoadBalancer": load_balancers.delete_load_balancer,
    "DeleteRule": rules.delete_rule,
    "DeleteTargetGroup": target_groups.delete_target_group,
    "DeregisterTargets": targets.deregister_targets,
    "DescribeAccountLimits": certificates.describe_account_limits,
    "DescribeCapacityReservation": reservations.describe_capacity_reservation,
    "DescribeListenerAttributes": listeners.describe_listener_attributes,
    "DescribeListenerCertificates": certificates.describe_listener_certificates,
    "DescribeListeners": listeners.describe_listeners,
    "DescribeLoadBalancerAttributes": load_balancers.describe_load_balancer_attributes,
    "DescribeLoadBalancers": load_balancers.describe_load_balancers,
    "DescribeRules": rules.describe_rules,
    "DescribeSSLPolicies": certificates.describe_ssl_policies,
    "DescribeTags": tags.describe_tags,
    "DescribeTargetGroupAttributes": target_groups.describe_target_group_attributes,
    "DescribeTargetGroups": target_groups.describe_target_groups,
    "DescribeTrustStores": reservations.describe_trust_stores,
    "DescribeTargetHealth": targets.describe_target_health,
    "ModifyCapacityReservation": reservations.modify_capacity_reservation,
    "ModifyListener": listeners.modify_listener,
    "ModifyListenerAttributes": listeners.modify_listener_attributes,
    "ModifyLoadBalancerAttributes": load_balancers.modify_load_balancer_attributes,
    "ModifyRule": rules.modify_rule,
    "ModifyTargetGroup": target_groups.modify_target_group,
    "ModifyTargetGroupAttributes": target_groups.modify_target_group_attributes,
    "RegisterTargets": targets.register_targets,
    "RemoveListenerCertificates": certificates.remove_listener_certificates,
    "RemoveTags": tags.remove_tags,
    "SetIpAddressType": load_balancers.set_ip_address_type,
    "SetRulePriorities": rules.set_rule_priorities,
    "SetSecurityGroups": load_balancers.set_security_groups,
    "SetSubnets": load_balancers.set_subnets,
}


class Elbv2Api:
    """Answers requests from the state, slowed and refused as the knobs say, by the clock of the account."""

    def __init__(self, elb: Elbv2, *, monotonic: Callable[[], float] | None = None) -> None:
        self.elb = elb
        agenda = elb.account.agenda
        self._throttles = Throttles(monotonic or (lambda: agenda.now().timestamp()), is_shared=True)

    async def answer(self, operation: str, query: str, request_id: str) -> str:
        """Give the XML of the answer. Raises `ElbError`."""
        elb = self.elb
        elb.calls[operation] += 1
        if not self._throttles.admit(operation, elb.knobs.rate_limits):
            raise ElbError("Throttling", "Rate exceeded")
        if elb.knobs.latency_seconds:
            await elb.sleep(elb.knobs.latency_seconds)
        elb.account.agenda.settle()
        answer = OPERATIONS[operation](elb, WIRE.read(operation, query))
        if not operation.startswith("Describe"):
            for tell in elb.watchers:
                tell()
        return WIRE.write(operation, answer, request_id)
