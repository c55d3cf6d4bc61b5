"""The certificates of HTTPS listeners that are chosen by SNI."""

from dataclasses import replace
from typing import Any

from addons.sim.aws.elbv2.certificates import check_certificate, read_arns
from addons.sim.aws.elbv2.errors import ElbError, invalid, not_found
from addons.sim.aws.elbv2.paging import page
from addons.sim.aws.elbv2.policies import POLICIES
from addons.sim.aws.elbv2.state import Elbv2

Call = dict[str, Any]


def add_listener_certificates(elb: Elbv2, call: Call) -> Call:
    """Add certificates; those that are there stay. The default one may be added, and is told twice then."""
    account = elb.account
    listener = account.listener(call["ListenerArn"])
    if listener.protocol != "HTTPS":
        raise invalid("Certificates can only be added to HTTPS listeners")
    new = [check_certificate(account, arn) for arn in read_arns(call["Certificates"])]
    added = dict.fromkeys(arn for arn in new if arn not in listener.certificates[1:])
    listener = replace(listener, certificates=(*listener.certificates, *added))
    others = account.listeners_of(listener.load_balancer_arn)
    count = sum(
        len(set(each.certificates[1:]) - set(each.certificates[:1]))
        for each in (listener, *(other for other in others if other.arn != listener.arn))
    )
    quota = "certificates-per-application-load-balancer"
    what = f"certificates on load balancer '{listener.load_balancer_arn}'"
    account.check_quota(quota, count, "TooManyCertificates", what)
    account.listeners.put(listener.arn, listener)
    return {"Certificates": [{"CertificateArn": arn, "IsDefault": False} for arn in new]}


def remove_listener_certificates(elb: Elbv2, call: Call) -> Call:
    """Remove certificates; the default one can only be replaced."""
    listener = elb.account.listener(call["ListenerArn"])
    gone = read_arns(call["Certificates"])
    default, chosen = listener.certificates[:1], listener.certificates[1:]
    if set(default) & set(gone) - set(chosen):
        raise ElbError(
            "OperationNotPermitted",
            f"Default certificate '{default[0]}' cannot be removed from a listener",
        )
    kept = (*default, *(arn for arn in chosen if arn not in gone))
    elb.account.listeners.put(listener.arn, replace(listener, certificates=kept))
    return {}


def describe_listener_certificates(elb: Elbv2, call: Call) -> Call:
    """Show the default certificate and the others."""
    listener = elb.account.listeners.before(elb.knobs.describe_lag_seconds).get(call["ListenerArn"])
    if listener is None:
        raise not_found("Listener")
    places = [f"{number} {arn}" for number, arn in enumerate(listener.certificates)]
    shown, following = page(places, call, str, usual=elb.knobs.page_size)
    items = [
        {"CertificateArn": place.partition(" ")[2], "IsDefault": place.startswith("0 ")} for place in shown
    ]
    return {"Certificates": items, "NextMarker": following}


def describe_ssl_policies(elb: Elbv2, call: Call) -> Call:
    """Show the policies of TLS versions and ciphers."""
    names = call.get("Names") or list(POLICIES)
    if absent := [name for name in names if name not in POLICIES]:
        raise ElbError("SSLPolicyNotFound", f"SSL policy '{absent[0]}' not found")
    shown, following = page(names, call, str, usual=elb.knobs.page_size)
    items = [
        {
            "Name": name,
            "SslProtocols": list(POLICIES[name]),
            "SupportedLoadBalancerTypes": ["application", "network"],
        }
        for name in shown
    ]
    return {"SslPolicies": items, "NextMarker": following}


def describe_account_limits(elb: Elbv2, call: Call) -> Call:
    """Show the quotas."""
    shown, following = page(
        list(elb.account.quotas.items()), call, lambda each: each[0], usual=elb.knobs.page_size
    )
    return {"Limits": [{"Name": name, "Max": most} for name, most in shown], "NextMarker": following}
