"""Which address the next pod gets."""

from datetime import timedelta

from addons.cni.model.pool import Addresses
from addons.cni.plan.assign import free_since, pick_address
from tests.support.cni_pool import NOW, eni, ip, ips, prefixes

ONE, OTHER = eni(0, 1, 2, 3), eni(1, 11, 12, 13)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def picked(addresses: Addresses, *, minimum: float | None = None) -> tuple[str, str] | None:
    rested = None if minimum is None else seconds(minimum)
    found = pick_address([ONE, OTHER], addresses, NOW, cooldown=seconds(30), minimum_cooldown=rested)
    return found and (str(found[0]), found[1])


class TestPick:
    def test_the_interface_with_most_pods_is_filled_first(self) -> None:
        assert picked(Addresses(assigned=ips(1, 11, 12))) == ("10.0.0.13", "eni-1")

    def test_among_equals_the_first_one_is(self) -> None:
        assert picked(Addresses()) == ("10.0.0.1", "eni-0")

    def test_the_address_that_was_free_for_the_longest_is_taken(self) -> None:
        since = {ip(1): NOW, ip(2): NOW - seconds(9), ip(3): NOW - seconds(5)}
        assert picked(Addresses(free_since=since)) == ("10.0.0.2", "eni-0")

    def test_one_of_which_nothing_is_known_became_free_just_now(self) -> None:
        assert picked(Addresses(free_since={ip(3): NOW - seconds(1)})) == ("10.0.0.3", "eni-0")

    def test_neither_cooling_nor_doubtful_ones_are_taken(self) -> None:
        addresses = Addresses(cooling={ip(1): NOW + seconds(1)}, quarantined=ips(2))
        assert picked(addresses) == ("10.0.0.3", "eni-0")

    def test_one_that_has_rested_is_free(self) -> None:
        addresses = Addresses(assigned=ips(2, 3), cooling={ip(1): NOW})
        assert picked(addresses) == ("10.0.0.1", "eni-0")

    def test_there_may_be_none(self) -> None:
        assert picked(Addresses(assigned=ips(1, 2, 3, 11, 12, 13))) is None

    def test_addresses_of_prefixes_serve_as_well(self) -> None:
        found = pick_address([eni(0, prefixes=prefixes(16))], Addresses(assigned=ips(16)), NOW)
        assert found == (ip(17), "eni-0")


class TestMinimumCooldown:
    """With nothing else left, the one that rested longest is better than none: if that is wanted."""

    LEFT = Addresses(
        assigned=ips(1, 2, 3, 11), cooling={ip(12): NOW + seconds(15), ip(13): NOW + seconds(19)}
    )

    def test_it_is_not_done_unless_it_is_asked_for(self) -> None:
        assert picked(self.LEFT) is None

    def test_the_longest_rested_is_taken_after_the_minimum(self) -> None:
        assert picked(self.LEFT, minimum=15) == ("10.0.0.12", "eni-1")
        assert picked(self.LEFT, minimum=10) == ("10.0.0.12", "eni-1")

    def test_one_that_rested_less_is_not(self) -> None:
        assert picked(self.LEFT, minimum=16) is None

    def test_a_free_address_is_better(self) -> None:
        assert picked(Addresses(assigned=ips(1, 2), cooling=self.LEFT.cooling), minimum=1) == (
            "10.0.0.3",
            "eni-0",
        )

    def test_a_doubtful_one_is_never_taken(self) -> None:
        doubtful = Addresses(assigned=ips(1, 2, 3, 11, 13), cooling=self.LEFT.cooling, quarantined=ips(12))
        assert picked(doubtful, minimum=0) is None


class TestFreeSince:
    def test_what_is_known_is_kept_and_what_is_new_is_free_from_now_on(self) -> None:
        before = NOW - seconds(60)
        addresses = Addresses(assigned=ips(3), free_since={ip(1): before, ip(3): before, ip(99): before})
        assert free_since([ONE], addresses, NOW) == {ip(1): before, ip(2): NOW}

    def test_one_that_rests_will_be_free_when_it_has_rested(self) -> None:
        addresses = Addresses(
            cooling={ip(1): NOW + seconds(30)}, free_since={ip(1): NOW - seconds(99), ip(2): NOW, ip(3): NOW}
        )
        assert free_since([ONE], addresses, NOW)[ip(1)] == NOW + seconds(30)
