"""An account that is recorded and put back is the same account."""

import json

from addons.sim.aws.recording import put_back, record
from addons.sim.aws.server import AwsEndpoint
from tests.support.elbv2 import elb_world, forward, path


async def test_what_is_put_back_is_what_was_there() -> None:
    async with elb_world() as world:
        world.world.launch()
        world.world.ec2.network.create_prefix_list()
        items = [{"CertificateArn": world.acm.issue("a.example").arn}]
        listener = await world.listener(
            await world.balancer(), port=443, Protocol="HTTPS", Certificates=items
        )
        group = await world.group(Tags=[{"Key": "a", "Value": "b"}])
        await world.rule(listener, 7, path("/a"), do=forward(group))
        await world.register(group, "10.0.1.9", port=80)
        await world.register(group, "10.0.1.9", port=81)
        protect = [{"Key": "deletion_protection.enabled", "Value": "true"}]
        (balancer,) = (await world.call("describe_load_balancers"))["LoadBalancers"]
        arn = balancer["LoadBalancerArn"]
        await world.call("modify_load_balancer_attributes", LoadBalancerArn=arn, Attributes=protect)
        acl = world.world.aws.endpoint.waf.create("guard").arn
        await world.world.aws.call("wafv2", "associate_web_acl", ResourceArn=arn, WebACLArn=acl)
        before = record(world.world.aws.endpoint)
        endpoint = AwsEndpoint()
        put_back(endpoint, json.loads(json.dumps(before)))
        assert record(endpoint) == before
        assert endpoint.elbv2.account.load_balancer(arn) == world.elb.account.load_balancer(arn)
        assert (
            endpoint.ec2.account.spaces[world.subnets[0]].free
            == world.world.ec2.account.spaces[world.subnets[0]].free
        )
        made = endpoint.ec2.network.create_vpc("10.7.0.0/16")
        assert made.id not in world.world.ec2.account.vpcs
