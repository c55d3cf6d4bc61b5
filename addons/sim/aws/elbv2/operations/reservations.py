"""What stands beside load balancers: reserved capacity, and the trust stores of mutual TLS."""

from dataclasses import replace
from typing import Any

from addons.sim.aws.elbv2.errors import ElbError, not_found
from addons.sim.aws.elbv2.paging import only_one, page
from addons.sim.aws.elbv2.state import Elbv2

Call = dict[str, Any]


def describe_capacity_reservation(elb: Elbv2, call: Call) -> Call:
    """Show how much capacity a load balancer keeps, if any."""
    there = elb.account.load_balancers.before(elb.knobs.describe_lag_seconds)
    if (balancer := there.get(call["LoadBalancerArn"])) is None:
        raise not_found("LoadBalancer")
    return _capacity(balancer.capacity_units)


def modify_capacity_reservation(elb: Elbv2, call: Call) -> Call:
    """Let a load balancer keep some capacity, or none."""
    balancer = elb.account.load_balancer(call["LoadBalancerArn"])
    units = 0 if call.get("ResetCapacityReservation") else balancer.capacity_units
    units = call.get("MinimumLoadBalancerCapacity", {}).get("CapacityUnits", units)
    elb.account.load_balancers.put(balancer.arn, replace(balancer, capacity_units=units))
    return _capacity(units)


def _capacity(units: int) -> Call:
    reserved = {"MinimumLoadBalancerCapacity": {"CapacityUnits": units}} if units else {}
    return {"DecreaseRequestsRemaining": 2, "CapacityReservationState": [], **reserved}


def describe_trust_stores(elb: Elbv2, call: Call) -> Call:
    """Show trust stores: all, or certain ones."""
    only_one(call, "TrustStoreArns", "Names")
    there = {arn: arn.split("/")[1] for arn in sorted(elb.account.trust_stores)}
    arns = call.get("TrustStoreArns") or [
        arn for arn, name in there.items() if name in call.get("Names", (name,))
    ]
    if not set(arns) <= set(there) or len(arns) < len(call.get("Names", ())):
        raise ElbError("TrustStoreNotFound", "One or more trust stores not found")
    shown, following = page(arns, call, str, usual=elb.knobs.page_size)
    items = [{"Name": there[arn], "TrustStoreArn": arn, "Status": "ACTIVE"} for arn in shown]
    return {"TrustStores": items, "NextMarker": following}
