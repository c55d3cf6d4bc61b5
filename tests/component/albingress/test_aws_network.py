"""What is around load balancers: the VPC, subnets, interfaces of nodes and pods, certificates, web ACLs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from addons.albingress.aws.certificates import Certificates
from addons.albingress.aws.endpoint_groups import EndpointGroups
from addons.albingress.aws.interfaces import Interfaces, RuleGroups
from addons.albingress.aws.network import Network
from addons.albingress.model.stack import Permission
from addons.albingress.names import SHARED_RULE_DESCRIPTION
from addons.runtime.errors import Invalid, NotFound
from addons.sim.aws.ec2.interfaces import Wish
from tests.support.alb_aws import CLUSTER, AlbDaemon, AlbSite, alb_site
from tests.support.permits import PERMIT

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def site() -> AsyncIterator[AlbSite]:
    async with alb_site() as running:
        yield running


@pytest.fixture
async def daemon(site: AlbSite) -> AsyncIterator[AlbDaemon]:
    async with site.daemon() as running:
        yield running


class TestVpc:
    async def test_a_vpc_that_the_settings_name_is_asked_for_its_ranges_once(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        found = [await daemon.network.vpc() for _ in range(2)]
        assert [vpc.cidrs for vpc in found] == [("10.0.0.0/16",)] * 2
        assert site.calls() == ["DescribeVpcs"]

    async def test_a_vpc_is_found_by_tags(self, site: AlbSite, daemon: AlbDaemon) -> None:
        other = site.endpoint.ec2.network.create_vpc("10.9.0.0/16", tags={"env": "prod"})
        assert await Network(daemon.aws, tags={"env": "prod"}).vpc_id() == other.id

    async def test_tags_that_no_vpc_has_are_told(self, daemon: AlbDaemon) -> None:
        with pytest.raises(NotFound, match="aws-vpc-tags: 0 VPCs"):
            await Network(daemon.aws, tags={"env": "none"}).vpc_id()

    async def test_no_vpc_at_all_is_told_with_the_setting(self, daemon: AlbDaemon) -> None:
        with pytest.raises(Invalid, match="--aws-vpc-id"):
            await Network(daemon.aws).vpc_id()


class TestSubnets:
    async def test_they_have_zone_room_tags_and_families(self, site: AlbSite, daemon: AlbDaemon) -> None:
        network = site.endpoint.ec2.network
        vpc = network.create_vpc("10.7.0.0/16", ipv6_cidr="2600:1f14:1::/56")
        made = network.create_subnet(
            vpc.id, "10.7.1.0/24", zone="eu-central-1b", tags={"a": "b"}, ipv6_cidr="2600:1f14:1:1::/64"
        )
        (found,) = await Network(daemon.aws, vpc_id=vpc.id).subnets()
        assert (found.id, found.zone, found.free_addresses) == (made.id, "eu-central-1b", 251)
        assert (found.has_ipv6, found.is_public, found.tags) == (True, None, (("a", "b"),))

    async def test_a_route_to_the_internet_makes_a_subnet_public(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        network, (first, second) = site.endpoint.ec2.network, site.subnets
        table = network.create_route_table(site.vpc_id, subnets=(first,))
        network.set_route(table.id, "0.0.0.0/0", "igw-0123456789abcdef0")
        found = {subnet.id: subnet.is_public for subnet in await daemon.network.subnets(with_routes=True)}
        assert found == {first: True, second: False}

    async def test_they_are_asked_for_once_in_a_while(self, site: AlbSite, daemon: AlbDaemon) -> None:
        await daemon.network.subnets()
        site.calls()
        await asyncio.gather(*(daemon.network.subnets() for _ in range(5)))
        assert site.calls() == []
        await asyncio.sleep(31)
        await asyncio.gather(*(daemon.network.subnets() for _ in range(5)))
        assert site.calls() == ["DescribeSubnets"]


class TestSecurityGroupNames:
    async def test_they_are_found_by_id_and_by_their_name_tag(self, site: AlbSite, daemon: AlbDaemon) -> None:
        account = site.endpoint.ec2.account
        made = site.endpoint.ec2.network.create_security_group(site.vpc_id, "x")
        account.security_groups[made.id] = replace(made, tags={"Name": "web"})
        found = await daemon.network.security_groups(["web", made.id, "sg-0123456789abcdef0", "none"])
        assert found == {"web": (made.id,), made.id: (made.id,), "sg-0123456789abcdef0": (), "none": ()}


class TestInterfaces:
    """Rules go to the only security group, or to the one with the tag of the cluster."""

    async def groups(self, daemon: AlbDaemon, **targets: str) -> RuleGroups:
        return await Interfaces(daemon.aws, daemon.network, cluster=CLUSTER).rule_groups(targets)

    def group(self, site: AlbSite, name: str, **tags: str) -> str:
        made = site.endpoint.ec2.network.create_security_group(site.vpc_id, name)
        site.endpoint.ec2.account.security_groups[made.id] = replace(made, tags=tags)
        return made.id

    async def test_that_of_a_node_and_of_a_pod_on_it(self, site: AlbSite, daemon: AlbDaemon) -> None:
        nodes = self.group(site, "nodes")
        instance = site.endpoint.ec2.instances.launch("m5.large", site.subnets[0], groups=(nodes,))
        (primary,) = site.endpoint.ec2.account.interfaces_of(instance.id)
        site.endpoint.ec2.interfaces.assign(primary.id, Wish(count=2))
        pods = [str(each) for each in site.endpoint.ec2.account.interfaces[primary.id].addresses[1:]]
        site.calls()
        interfaces = Interfaces(daemon.aws, daemon.network, cluster=CLUSTER)
        found = await interfaces.rule_groups({instance.id: "", **dict.fromkeys(pods, instance.id)})
        assert found == RuleGroups(dict.fromkeys((instance.id, *pods), nodes), {})
        assert await interfaces.rule_groups({instance.id: ""}) == RuleGroups({instance.id: nodes}, {})
        assert site.calls() == ["DescribeNetworkInterfaces"]

    async def test_that_of_a_pod_in_a_block_of_addresses(self, site: AlbSite, daemon: AlbDaemon) -> None:
        nodes = self.group(site, "nodes")
        instance = site.endpoint.ec2.instances.launch("m5.large", site.subnets[0], groups=(nodes,))
        (primary,) = site.endpoint.ec2.account.interfaces_of(instance.id)
        site.endpoint.ec2.interfaces.assign(primary.id, Wish(prefix_count=1))
        (block,) = site.endpoint.ec2.account.interfaces[primary.id].prefixes
        pod = str(block[3])
        found = await self.groups(daemon, **{pod: instance.id})
        assert found.groups == {pod: nodes}

    async def test_that_of_a_pod_on_a_node_that_is_not_known(self, site: AlbSite, daemon: AlbDaemon) -> None:
        pods = self.group(site, "pods")
        made = site.endpoint.ec2.interfaces.create(site.subnets[0], groups=(pods,))
        found = await self.groups(daemon, **{str(made.addresses[0]): ""})
        assert found.groups == {str(made.addresses[0]): pods}

    async def test_of_several_the_one_with_the_tag(self, site: AlbSite, daemon: AlbDaemon) -> None:
        tagged = self.group(site, "nodes", **{f"kubernetes.io/cluster/{CLUSTER}": "owned"})
        groups = (self.group(site, "other"), tagged)
        instance = site.endpoint.ec2.instances.launch("m5.large", site.subnets[0], groups=groups)
        assert (await self.groups(daemon, **{instance.id: ""})).groups == {instance.id: tagged}

    async def test_of_several_without_a_tag_none(self, site: AlbSite, daemon: AlbDaemon) -> None:
        groups = (self.group(site, "one"), self.group(site, "two"))
        instance = site.endpoint.ec2.instances.launch("m5.large", site.subnets[0], groups=groups)
        found = await self.groups(daemon, **{instance.id: ""})
        assert found.groups == {}
        assert f"kubernetes.io/cluster/{CLUSTER}" in found.unknown[instance.id]

    async def test_an_address_of_nobody_is_told(self, daemon: AlbDaemon) -> None:
        found = await self.groups(daemon, **{"10.0.0.77": "", "i-0123456789abcdef0": ""})
        assert sorted(found.unknown) == ["10.0.0.77", "i-0123456789abcdef0"]


class TestEndpointGroups:
    """Only what bears our description comes and goes."""

    OURS = Permission(8080, 8080, cidr="10.0.0.0/16", description=SHARED_RULE_DESCRIPTION)
    THEIRS = Permission(8080, 8080, cidr="10.0.0.0/16", description="by hand")

    async def test_a_rule_comes_and_goes_and_is_remembered(self, site: AlbSite, daemon: AlbDaemon) -> None:
        id_ = site.endpoint.ec2.network.create_security_group(site.vpc_id, "nodes").id
        groups = EndpointGroups(daemon.aws, daemon.network)
        before = (await groups.read([id_]))[id_].permissions
        await groups.authorize(id_, [self.OURS], PERMIT)
        opened = (await groups.read([id_]))[id_].permissions
        assert (before, opened) == ((), (self.OURS,))
        assert (await groups.read([id_], age_seconds=-1))[id_].permissions == opened
        await groups.revoke(id_, [self.OURS], PERMIT)
        assert (await groups.read([id_]))[id_].permissions == ()
        assert (await groups.read([id_], age_seconds=-1))[id_].permissions == ()

    async def test_a_rule_of_others_that_lets_in_the_same_stays(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        id_ = site.endpoint.ec2.network.create_security_group(site.vpc_id, "nodes").id
        source = [{"CidrIp": "10.0.0.0/16", "Description": "by hand"}]
        await daemon.aws.call(
            "ec2",
            "authorize_security_group_ingress",
            permit=PERMIT,
            GroupId=id_,
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": source}],
        )
        groups = EndpointGroups(daemon.aws, daemon.network)
        await groups.authorize(id_, [self.OURS], PERMIT)
        await groups.revoke(id_, [self.OURS], PERMIT)
        assert (await groups.read([id_], age_seconds=-1))[id_].permissions == (self.THEIRS,)

    async def test_a_rule_without_our_description_is_not_made(self, site: AlbSite, daemon: AlbDaemon) -> None:
        id_ = site.endpoint.ec2.network.create_security_group(site.vpc_id, "nodes").id
        with pytest.raises(Invalid):
            await EndpointGroups(daemon.aws, daemon.network).authorize(id_, [self.THEIRS], PERMIT)


class TestCertificates:
    async def test_one_listing_has_all_that_is_issued(self, site: AlbSite, daemon: AlbDaemon) -> None:
        issued = site.endpoint.acm.issue("a.example", "*.b.example")
        expired = site.endpoint.acm.issue("c.example")
        site.endpoint.acm.set_status(expired.arn, "EXPIRED")
        certificates = Certificates(daemon.aws)
        for _ in range(2):
            (found,) = await certificates.issued()
            assert (found.arn, found.hosts) == (issued.arn, ("a.example", "*.b.example"))
        assert site.calls() == ["ListCertificates"]

    async def test_a_new_one_is_found_within_a_minute(self, site: AlbSite, daemon: AlbDaemon) -> None:
        certificates = Certificates(daemon.aws)
        assert await certificates.issued() == ()
        site.endpoint.acm.issue("a.example")
        await asyncio.sleep(61)
        assert len(await certificates.issued()) == 1

    async def test_names_beyond_a_hundred_are_asked_for_once(self, site: AlbSite, daemon: AlbDaemon) -> None:
        names = [f"{number}.example" for number in range(150)]
        site.endpoint.acm.issue(*names)
        certificates = Certificates(daemon.aws)
        (found,) = await certificates.issued()
        assert set(found.hosts) == set(names)
        await asyncio.sleep(61)
        await certificates.issued()
        assert site.calls() == ["ListCertificates", "DescribeCertificate", "ListCertificates"]

    async def test_of_named_authorities_only_what_they_issued(self, site: AlbSite, daemon: AlbDaemon) -> None:
        acm = site.endpoint.acm
        acm.issue("public.example")
        for name in ("ours", "theirs"):
            made = acm.issue(f"{name}.example", type_="PRIVATE")
            acm.certificates[made.arn] = replace(made, authority_arn=f"arn:aws:acm-pca:::{name}")
        certificates = Certificates(daemon.aws, authorities=["arn:aws:acm-pca:::ours"])
        assert [found.hosts for found in await certificates.issued()] == [("ours.example",)]
