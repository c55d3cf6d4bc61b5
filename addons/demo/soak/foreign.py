"""What belongs to others in the same account: made at the start, and the same to the byte at the end."""

import boto3

from addons.demo.groups import add_group
from addons.demo.reach import in_thread
from addons.demo.soak.wishes import FOREIGN_NAME
from addons.demo.suite.site import Site
from addons.demo.world import REGION, ZONE
from addons.sim.aws.route53.model import RecordSet

_GROUP = "theirs"


class Foreign:
    """Records, one of them with the text of another owner; a load balancer with all that belongs to it; a
    security group; an interface; an auto scaling group that is not discovered."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._group = ""
        self._eni = ""
        self._before: dict[str, str] = {}

    async def seed(self) -> None:
        """Make it all, and remember what it is like."""
        site = self._site
        text = '"heritage=external-dns,external-dns/owner=somebody-else"'
        site.aws.route53.change(
            site.world.zone_id,
            [
                ("CREATE", RecordSet(FOREIGN_NAME, "A", ttl=300, values=("192.0.2.99",))),
                ("CREATE", RecordSet(f"a-{FOREIGN_NAME}", "TXT", ttl=300, values=(text,))),
                ("CREATE", RecordSet(f"legacy.{ZONE}", "CNAME", ttl=60, values=(f"old.{ZONE}",))),
            ],
        )
        subnet = next(iter(site.aws.ec2.account.subnets.values()))
        self._eni = site.aws.ec2.interfaces.create(
            [each.id for each in site.aws.ec2.account.subnets.values()][1], description="theirs"
        ).id
        add_group(site.aws, _GROUP, subnet.id, {"pool": "theirs"}, most=5)
        site.aws.autoscaling.groups[_GROUP].tags.clear()
        await in_thread(self._make_load_balancer)
        self._before = self.now()

    def changed(self) -> list[str]:
        """What is no longer as it was."""
        now = self.now()
        return [
            f"{what} of somebody else: was {self._before[what]}, is {now[what]}"
            for what in now
            if now[what] != self._before[what]
        ]

    def now(self) -> dict[str, str]:
        """What it is like: everything that there is to be told, as text."""
        site = self._site
        elb = site.aws.elbv2.account
        names = (FOREIGN_NAME, f"a-{FOREIGN_NAME}", f"legacy.{ZONE}")
        records = [
            each
            for each in site.aws.route53.record_sets(site.world.zone_id)
            if each.name.rstrip(".") in names
        ]
        balancers = [each for each in elb.load_balancers.values() if each.name == _GROUP]
        listeners = [
            each for each in elb.listeners.values() if each.load_balancer_arn in {lb.arn for lb in balancers}
        ]
        return {
            "records": repr(records),
            "load balancer": repr(balancers),
            "listeners": repr(listeners),
            "rules": repr([elb.rules_of(each.arn) for each in listeners]),
            "target group": repr([each for each in elb.target_groups.values() if each.name == _GROUP]),
            "security group": repr(site.aws.ec2.account.security_groups.get(self._group)),
            "interface": repr(site.aws.ec2.account.interfaces.get(self._eni)),
            "auto scaling group": repr(site.aws.autoscaling.groups.get(_GROUP)),
        }

    def has(self, eni_id: str) -> bool:
        """Whether an interface is theirs."""
        return eni_id == self._eni

    def _make_load_balancer(self) -> None:
        site = self._site
        network = site.aws.ec2.network
        self._group = network.create_security_group(site.vpc.vpc.id, _GROUP, "theirs").id
        keys = {"aws_access_key_id": "theirs", "aws_secret_access_key": "theirs", "region_name": REGION}
        elb = boto3.client("elbv2", endpoint_url=site.aws.url, **keys)
        subnets = [each.id for each in site.aws.ec2.account.subnets.values()][-2:]
        balancer = elb.create_load_balancer(Name=_GROUP, Subnets=subnets, SecurityGroups=[self._group])
        arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        about = {"Protocol": "HTTP", "Port": 81, "VpcId": site.vpc.vpc.id, "TargetType": "ip"}
        made = elb.create_target_group(Name=_GROUP, **about)["TargetGroups"][0]["TargetGroupArn"]
        action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
        listener = elb.create_listener(
            LoadBalancerArn=arn, Protocol="HTTP", Port=81, DefaultActions=[action]
        )["Listeners"][0]["ListenerArn"]
        elb.create_rule(
            ListenerArn=listener,
            Priority=10,
            Conditions=[{"Field": "host-header", "Values": [FOREIGN_NAME]}],
            Actions=[{"Type": "forward", "TargetGroupArn": made}],
        )
