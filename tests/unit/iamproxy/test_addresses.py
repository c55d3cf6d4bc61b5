"""Who has which address: found without waiting, or waited for until it is known."""

import asyncio

from addons.iamproxy.cache.addresses import Addresses
from addons.iamproxy.model.verdicts import PodIdentity, Refusal
from tests.support.virtual import run_virtual

IP = "10.0.0.1"


def verdict(name: str) -> Refusal:
    return Refusal(PodIdentity("prod", name, name), "NoRole", "", 404)


A, B = verdict("a"), verdict("b")


class TestFinding:
    def test_a_known_address_is_found(self) -> None:
        addresses = Addresses(is_trusted=lambda: True)
        addresses.replace({IP: A})
        assert addresses.find(IP) is A

    def test_nobody_is_found_while_the_caches_are_not_trusted(self) -> None:
        addresses = Addresses(is_trusted=lambda: False)
        addresses.replace({IP: A})
        assert addresses.find(IP) is None

    def test_a_doubtful_holder_is_not_found(self) -> None:
        addresses = Addresses(is_trusted=lambda: True)
        addresses.replace({IP: A}, doubtful={IP})
        assert addresses.find(IP) is None


class TestWaiting:
    def test_a_wait_ends_when_the_address_becomes_known(self) -> None:
        async def story() -> None:
            addresses = Addresses(is_trusted=lambda: True)
            loop = asyncio.get_running_loop()
            loop.call_later(0.3, addresses.replace, {IP: A})
            assert await addresses.wait(IP, 0.9) is A
            assert loop.time() == 0.3

        run_virtual(story())

    def test_a_wait_ends_without_an_answer_in_time(self) -> None:
        async def story() -> None:
            addresses = Addresses(is_trusted=lambda: True)
            assert await addresses.wait(IP, 0.9) is None
            assert asyncio.get_running_loop().time() == 0.9

        run_virtual(story())

    def test_whoever_waits_hurries_the_reader(self) -> None:
        async def story() -> None:
            asked: list[str] = []
            addresses = Addresses(is_trusted=lambda: True, on_wait=asked.append)
            await addresses.wait(IP, 0.1)
            assert asked == [IP]

        run_virtual(story())

    def test_the_network_is_believed_for_a_moment_only(self) -> None:
        async def story() -> None:
            addresses = Addresses(is_trusted=lambda: True)
            await asyncio.sleep(5)
            addresses.replace({IP: A}, read_at=4.995)
            assert addresses.find(IP) is A
            await asyncio.sleep(0.01)
            assert addresses.find(IP) is None

        run_virtual(story())

    def test_only_what_the_network_said_after_the_question_is_an_answer(self) -> None:
        async def story() -> None:
            addresses = Addresses(is_trusted=lambda: True)
            await asyncio.sleep(5)
            waiting = asyncio.create_task(addresses.wait(IP, 0.9))
            await asyncio.sleep(0.1)
            addresses.replace({IP: A}, read_at=4.9)
            await asyncio.sleep(0.1)
            assert not waiting.done()
            addresses.replace({IP: B}, read_at=5.1)
            assert await waiting is B

        run_virtual(story())

    def test_a_doubtful_holder_is_waited_for_until_the_doubt_is_gone(self) -> None:
        async def story() -> None:
            addresses = Addresses(is_trusted=lambda: True)
            waiting = asyncio.create_task(addresses.wait(IP, 0.9))
            await asyncio.sleep(0.1)
            addresses.replace({IP: A}, doubtful={IP})
            await asyncio.sleep(0.1)
            assert not waiting.done()
            addresses.replace({IP: B})
            assert await waiting is B

        run_virtual(story())

    def test_many_wait_for_one_address_and_leave_nothing_behind(self) -> None:
        async def story() -> None:
            addresses = Addresses(is_trusted=lambda: True)
            asyncio.get_running_loop().call_later(0.3, addresses.replace, {IP: A})
            assert set(await asyncio.gather(*(addresses.wait(IP, 0.9) for _ in range(1000)))) == {A}
            assert not addresses._waiting

        run_virtual(story())
