"""Who has which of a node's two seats."""

import errno
import os
import socket
from ipaddress import IPv4Address

import pytest

from addons.iamproxy.net import seats
from addons.iamproxy.net.seats import SEATS, is_taken, other, take
from addons.runtime.errors import Unavailable
from addons.sim.ports import free_port

HERE = (IPv4Address("127.0.0.1"),)


def test_a_seat_is_taken_by_one_and_free_when_that_one_is_gone() -> None:
    port = free_port()
    (taken,) = take(HERE, port)
    with taken:
        assert is_taken(HERE, port)
        assert take(HERE, port) == []
    assert not is_taken(HERE, port)


def test_to_ask_takes_nothing_from_who_is_about_to_listen() -> None:
    port = free_port()
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
        assert not is_taken(HERE, port)
        bound.listen()
        assert is_taken(HERE, port)


def test_nobody_listens_at_an_address_that_is_not_there() -> None:
    assert not is_taken((IPv4Address("192.0.2.1"),), free_port())


def test_each_seat_is_the_other_of_the_other_with_one_family_as_with_both() -> None:
    assert [other(seat) for seat in SEATS] == list(reversed(SEATS))
    assert other(SEATS[0][:1]) == SEATS[1]


def test_what_cannot_be_told_is_no_end_of_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pods may have all the files that the daemon can open: the redirect is looked at again later."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(seats, "_bind", refuse)
    with pytest.raises(Unavailable, match=r"who listens on 127\.0\.0\.1:8181: Too many open files"):
        is_taken(HERE, 8181)
