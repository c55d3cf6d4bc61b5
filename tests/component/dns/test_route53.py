"""The door to Route 53, against the strict simulation: its cache, atomic batches, and what goes wrong."""

from collections.abc import AsyncIterator, Sequence

import pytest

from addons.dns.aws.route53 import Outcomes, Route53
from addons.dns.model.actions import Batch, ChangeGroup
from addons.dns.model.endpoint import Endpoint
from addons.dns.model.records import Change, RecordSet, Zone
from addons.dns.model.registry import Registry
from addons.dns.model.zones import DomainFilter, ZoneFilter
from addons.dns.plan.records import Rules
from addons.dns.plan.zone import plan_zone
from addons.runtime.aws import AwsSession
from addons.runtime.bucket import Rate
from addons.runtime.errors import Denied, Exhausted, NotFound, Throttled, Unavailable
from addons.sim.aws.route53.model import RecordSet as SimRecordSet
from addons.sim.aws.route53.state import Knobs
from addons.sim.aws.server import AwsEndpoint
from tests.support.dns import by_name, endpoint
from tests.support.permits import PERMIT

CHANGE = "ChangeResourceRecordSets"
LIST = "ListResourceRecordSets"
RULES = Rules(Registry("me"), "sync", {})


class Zoned:
    """One simulated zone example.com, and the adapter that looks at it."""

    def __init__(self, aws: AwsEndpoint, session: AwsSession) -> None:
        self.aws = aws
        self.zone_id = aws.route53.create_zone("example.com")
        self.zone = Zone(self.zone_id, "example.com")
        self._session = session
        self.route53 = self.adapter()

    def adapter(self, *domains: str) -> Route53:
        """One more adapter, with a cache of its own."""
        return Route53(
            self._session,
            zone_filter=ZoneFilter(domains=DomainFilter(domains)),
            registry=RULES.registry,
            audit_seconds=1800,
        )

    async def plan(self, *endpoints: Endpoint) -> tuple[ChangeGroup, ...]:
        records = (await self.route53.observe_zone(self.zone_id)).records
        wanted = by_name(endpoints)
        return plan_zone(self.zone, {*wanted, *records.names()}, wanted, records, RULES).groups

    async def apply(self, groups: Sequence[ChangeGroup]) -> Outcomes:
        return await self.route53.apply(Batch(self.zone_id, tuple(groups)), zone=self.zone, permit=PERMIT)

    async def want(self, *endpoints: Endpoint) -> Outcomes:
        return await self.apply(await self.plan(*endpoints))

    def edit(self, action: str, name: str, value: str) -> None:
        """Somebody else changes an A record."""
        record = SimRecordSet(f"{name}.example.com", "A", ttl=300, values=(value,))
        self.aws.route53.change(self.zone_id, [(action, record)])  # type: ignore[list-item]

    @property
    def addresses(self) -> dict[str, tuple[str, ...]]:
        """The A records that Route 53 has."""
        found = self.aws.route53.record_sets(self.zone_id)
        return {item.name.removesuffix(".example.com."): item.values for item in found if item.type == "A"}

    @property
    def calls(self) -> list[str]:
        """The operations that were called."""
        return [call.operation for call in self.aws.calls]

    def forget(self) -> None:
        """Count calls from here."""
        self.aws.calls.clear()


@pytest.fixture
async def zoned(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Zoned]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    async with (
        AwsEndpoint() as aws,
        AwsSession(
            region="eu-central-1", endpoint_url=aws.url, rates={"route53": Rate(per_second=1000, burst=1000)}
        ) as session,
    ):
        made = Zoned(aws, session)
        await made.route53.observe_zones()
        yield made


def errors(outcomes: Outcomes) -> dict[str, str]:
    """The class of the error of every group that failed."""
    return {
        outcome.action.name.removesuffix(".example.com"): type(outcome.error).__name__
        for outcome in outcomes
        if outcome.error
    }


class TestCache:
    """A zone is read once; our own changes keep the cache true."""

    async def test_a_second_look_asks_nothing(self, zoned: Zoned) -> None:
        await zoned.want(endpoint("www", "10.0.0.1"))
        zoned.forget()
        assert await zoned.plan(endpoint("www", "10.0.0.1")) == ()
        assert zoned.calls == []

    async def test_what_is_remembered_is_what_is_there(self, zoned: Zoned) -> None:
        await zoned.want(
            endpoint("*", "10.0.0.1"), endpoint("a", "lb.example.net"), endpoint("b", "2001:db8::1")
        )
        remembered = {str(found) for found in (await zoned.route53.observe_zone(zoned.zone_id)).records}
        fresh = zoned.adapter()
        await fresh.observe_zones()
        assert {str(found) for found in (await fresh.observe_zone(zoned.zone_id)).records} == remembered

    async def test_records_added_by_others_show_in_the_zones_count(self, zoned: Zoned) -> None:
        await zoned.want(endpoint("www", "10.0.0.1"))
        await zoned.route53.observe_zones()
        assert not (await zoned.route53.observe_zone(zoned.zone_id)).is_new
        zoned.edit("CREATE", "foreign", "192.0.2.1")
        await zoned.route53.observe_zones()
        observation = await zoned.route53.observe_zone(zoned.zone_id)
        assert observation.is_new
        assert observation.is_audit
        assert observation.records.find("foreign.example.com", "A")

    async def test_a_routing_policy_we_do_not_know_survives_the_way_back(self, zoned: Zoned) -> None:
        odd = SimRecordSet(
            "odd.example.com", "A", ttl=60, values=("192.0.2.1",), set_id="x", region="eu-west-1"
        )
        zoned.aws.route53.change(zoned.zone_id, [("CREATE", odd)])
        records = (await zoned.route53.observe_zone(zoned.zone_id)).records
        found = records.find("odd.example.com", "A", "x")
        assert found
        assert found.routing == (("Region", '"eu-west-1"'),)
        text = RULES.registry.txt_record(found, "service/web/odd", "example.com")
        make = ChangeGroup("k", "odd.example.com", "update", (Change("CREATE", text),), None, "")
        drop = (Change("DELETE", found), Change("DELETE", text))
        assert errors(await zoned.apply([make])) == {}
        assert (
            errors(await zoned.apply([ChangeGroup("k", "odd.example.com", "delete", drop, None, "")])) == {}
        )
        assert zoned.addresses == {}


class TestRefusals:
    """One bad name never costs its neighbours."""

    async def test_a_foreign_edit_fails_the_swap_and_is_seen_by_the_next_plan(self, zoned: Zoned) -> None:
        await zoned.want(endpoint("www", "10.0.0.1"), endpoint("api", "10.0.0.1"))
        zoned.edit("UPSERT", "www", "192.0.2.9")
        moved = (endpoint("www", "10.0.0.2"), endpoint("api", "10.0.0.2"))
        assert errors(await zoned.want(*moved)) == {"www": "Invalid"}
        assert zoned.addresses == {"www": ("192.0.2.9",), "api": ("10.0.0.2",)}
        assert errors(await zoned.want(*moved)) == {}
        assert zoned.addresses["www"] == ("10.0.0.2",)

    async def test_the_rest_of_the_batch_takes_one_more_call(self, zoned: Zoned) -> None:
        groups = await zoned.plan(*(endpoint(f"h{number}", "10.0.0.1") for number in range(20)))
        zoned.edit("CREATE", "h7", "192.0.2.9")
        zoned.forget()
        assert errors(await zoned.apply(groups)) == {"h7": "Invalid"}
        assert zoned.calls.count(CHANGE) == 2

    async def test_a_refusal_that_names_nothing_is_narrowed_down_by_halves(self, zoned: Zoned) -> None:
        groups = await zoned.plan(*(endpoint(f"h{number}", "10.0.0.1") for number in range(8)))
        bad = groups[5].changes[0].record
        values = tuple(f"10.0.{number // 250}.{number % 250}" for number in range(401))
        oversized = RecordSet(bad.name, "A", 300, values)
        changes = (Change("CREATE", oversized), *groups[5].changes[1:])
        spoilt = ChangeGroup(groups[5].key, groups[5].name, "create", changes, None, "")
        outcomes = await zoned.apply([*groups[:5], spoilt, *groups[6:]])
        assert errors(outcomes) == {"h5": "Invalid"}
        assert len(zoned.addresses) == 7

    async def test_records_without_a_text_of_ours_never_leave_the_door(self, zoned: Zoned) -> None:
        zoned.edit("CREATE", "foreign", "192.0.2.1")
        records = (await zoned.route53.observe_zone(zoned.zone_id)).records
        foreign = records.find("foreign.example.com", "A")
        assert foreign
        group = ChangeGroup("k", foreign.name, "delete", (Change("DELETE", foreign),), None, "")
        assert errors(await zoned.apply([group])) == {"foreign": "Invalid"}
        assert "foreign" in zoned.addresses

    async def test_a_full_zone_is_no_fault_of_any_name(self, zoned: Zoned) -> None:
        zoned.aws.route53.knobs = Knobs(record_sets_per_zone=4)
        groups = await zoned.plan(endpoint("a", "10.0.0.1"), endpoint("b", "10.0.0.1"))
        zoned.forget()
        outcomes = await zoned.apply(groups)
        assert {type(outcome.error) for outcome in outcomes} == {Exhausted}
        assert zoned.calls == [CHANGE]


class TestFailures:
    """What concerns the zone or the account fails the batch whole, and never divides it."""

    @pytest.mark.parametrize(
        ("code", "status", "sent", "expected"),
        [
            ("Throttling", 400, 5, Throttled),
            ("PriorRequestNotComplete", 400, 5, Throttled),
            ("AccessDenied", 403, 1, Denied),
            ("NoSuchHostedZone", 404, 1, NotFound),
            ("ServiceUnavailable", 503, 1, Unavailable),
        ],
    )
    async def test_the_same_batch_may_go_again_later(
        self, zoned: Zoned, code: str, status: int, sent: int, expected: type[Exception]
    ) -> None:
        groups = await zoned.plan(endpoint("a", "10.0.0.1"), endpoint("b", "10.0.0.1"))
        zoned.aws.faults.add(operation=CHANGE, times=sent, code=code, status=status, message="no")
        zoned.forget()
        outcomes = await zoned.apply(groups)
        assert [type(outcome.error) for outcome in outcomes] == [expected, expected]
        assert zoned.calls == [CHANGE] * sent
        again = await zoned.plan(endpoint("a", "10.0.0.1"), endpoint("b", "10.0.0.1"))
        assert [group.name for group in again] == [group.name for group in groups]
        assert errors(await zoned.apply(again)) == {}

    async def test_a_lost_answer_is_looked_up_before_anything_is_sent_again(self, zoned: Zoned) -> None:
        groups = await zoned.plan(endpoint("a", "10.0.0.1"), endpoint("b", "10.0.0.1"))
        zoned.aws.faults.add(operation=CHANGE, before=False)
        assert errors(await zoned.apply(groups)) == {"a": "Unavailable", "b": "Unavailable"}
        zoned.forget()
        assert await zoned.plan(endpoint("a", "10.0.0.1"), endpoint("b", "10.0.0.1")) == ()
        assert set(zoned.calls) == {LIST}

    async def test_a_lost_call_is_made_again(self, zoned: Zoned) -> None:
        groups = await zoned.plan(endpoint("a", "10.0.0.1"))
        zoned.aws.faults.add(operation=CHANGE)
        assert errors(await zoned.apply(groups)) == {"a": "Unavailable"}
        assert errors(await zoned.want(endpoint("a", "10.0.0.1"))) == {}
        assert zoned.addresses == {"a": ("10.0.0.1",)}

    async def test_when_somebody_else_was_there_meanwhile_the_zone_is_read_anew(self, zoned: Zoned) -> None:
        await zoned.want(endpoint("a", "10.0.0.1"))
        zoned.aws.faults.add(operation=CHANGE)
        await zoned.want(endpoint("a", "10.0.0.2"))
        zoned.edit("UPSERT", "a", "192.0.2.9")
        observation = await zoned.route53.observe_zone(zoned.zone_id)
        assert observation.is_new
        assert errors(await zoned.want(endpoint("a", "10.0.0.2"))) == {}
        assert zoned.addresses == {"a": ("10.0.0.2",)}

    async def test_a_call_repeated_by_the_client_is_known_to_be_done(self, zoned: Zoned) -> None:
        groups = await zoned.plan(endpoint("a", "10.0.0.1"), endpoint("b", "10.0.0.1"))
        await zoned.apply(groups)
        assert errors(await zoned.apply(groups)) == {}

    async def test_a_zone_that_cannot_be_read_is_an_error_of_its_own(self, zoned: Zoned) -> None:
        zoned.aws.faults.add(operation=LIST, code="AccessDenied", status=403)
        with pytest.raises(Denied):
            await zoned.route53.observe_zone(zoned.zone_id)


async def test_only_the_zones_of_the_filter_are_seen(zoned: Zoned) -> None:
    zoned.aws.route53.create_zone("example.org")
    found = await zoned.adapter("example.com").observe_zones()
    assert [zone.name for zone in found.zones.values()] == ["example.com"]
