"""Which of a node's two listeners is in use."""

import errno
import os
import socket
from ipaddress import IPv4Address

import pytest

from addons.iamproxy.net import listeners
from addons.iamproxy.net.listeners import LISTENERS, is_in_use, listen, other
from addons.runtime.errors import Unavailable
from addons.sim.ports import free_port

HERE = (IPv4Address("127.0.0.1"),)


def test_a_listener_is_in_use_while_a_socket_listens() -> None:
    port = free_port()
    (made,) = listen(HERE, port)
    with made:
        assert is_in_use(HERE, port)
        assert listen(HERE, port) == []
    assert not is_in_use(HERE, port)


def test_the_question_keeps_nobody_from_listening() -> None:
    port = free_port()
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
        assert not is_in_use(HERE, port)
        bound.listen()
        assert is_in_use(HERE, port)


def test_nobody_listens_at_an_address_that_is_not_there() -> None:
    assert not is_in_use((IPv4Address("192.0.2.1"),), free_port())


def test_each_is_the_other_of_the_other_with_one_family_as_with_both() -> None:
    assert [other(listener) for listener in LISTENERS] == list(reversed(LISTENERS))
    assert other(LISTENERS[0][:1]) == LISTENERS[1]


def test_what_cannot_be_told_is_no_end_of_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pods may have all the files that the daemon can open: the redirect is looked at again later."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(listeners, "_bind", refuse)
    with pytest.raises(Unavailable, match=r"whether 127\.0\.0\.1:8181 is in use: Too many open files"):
        is_in_use(HERE, 8181)
