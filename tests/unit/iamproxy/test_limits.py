"""Limits per pod: how many connections and requests one address may have."""

from addons.iamproxy.server.limits import Clients, OncePerSecond, ServerLimits

LIMITS = ServerLimits(connections_per_pod=2, connections=3, requests_per_second=2.0, burst=10)


def clients() -> Clients:
    return Clients(LIMITS)


class TestConnections:
    def test_a_pod_has_only_so_many(self) -> None:
        everybody = clients()
        assert [bool(everybody.enter("10.0.0.1", 0)) for _ in range(3)] == [True, True, False]

    def test_its_neighbours_do_not_notice(self) -> None:
        everybody = clients()
        for _ in range(3):
            everybody.enter("10.0.0.1", 0)
        assert everybody.enter("10.0.0.2", 0)

    def test_all_together_have_only_so_many(self) -> None:
        everybody = clients()
        assert [bool(everybody.enter(f"10.0.0.{number}", 0)) for number in range(4)] == [True] * 3 + [False]

    def test_one_that_is_closed_makes_room(self) -> None:
        everybody = clients()
        first = everybody.enter("10.0.0.1", 0)
        everybody.enter("10.0.0.1", 0)
        assert first
        everybody.leave(first)
        assert everybody.enter("10.0.0.1", 0)

    def test_opening_them_costs_as_much_as_asking(self) -> None:
        everybody = clients()
        for _ in range(LIMITS.burst):
            client = everybody.enter("10.0.0.1", 0)
            assert client
            everybody.leave(client)
        assert everybody.enter("10.0.0.1", 0) is None


class TestRate:
    def test_a_burst_is_served_then_the_rate(self) -> None:
        client = clients().enter("10.0.0.1", 0)  # which takes the first token
        assert client
        assert [client.take(0) for _ in range(10)] == [True] * 9 + [False]
        assert [client.take(1) for _ in range(3)] == [True, True, False]

    def test_rest_fills_the_bucket_and_no_more(self) -> None:
        client = clients().enter("10.0.0.1", 0)
        assert client
        assert sum(client.take(1_000) for _ in range(20)) == LIMITS.burst


class TestLines:
    def test_one_passes_in_a_second_for_each_address(self) -> None:
        lines = OncePerSecond()
        assert [lines.passes("10.0.0.1", now) for now in (0.0, 0.5, 0.9, 1.0, 1.9)] == [
            *(True, False, False),
            *(True, False),
        ]
        assert lines.passes("10.0.0.2", 0.5)

    def test_addresses_are_forgotten_after_that(self) -> None:
        lines = OncePerSecond()
        lines.passes("10.0.0.1", 0)
        lines.forget_rested(0.5)
        assert len(lines) == 1
        lines.forget_rested(1)
        assert len(lines) == 0


class TestForgetting:
    def test_an_address_that_asks_no_more_is_forgotten(self) -> None:
        everybody = clients()
        client = everybody.enter("10.0.0.1", 0)
        assert client
        everybody.leave(client)
        everybody.forget_rested(0.4)
        assert len(everybody) == 1
        everybody.forget_rested(0.5)
        assert len(everybody) == 0

    def test_one_with_a_connection_is_not(self) -> None:
        everybody = clients()
        everybody.enter("10.0.0.1", 0)
        everybody.forget_rested(1_000)
        assert len(everybody) == 1
