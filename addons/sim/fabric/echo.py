"""A server that tells who asks: the address it sees, which is what translation of addresses is about."""

import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from addons.sim.net import Namespace

HTTP_PORT = 80
ECHO_PORT = 7


class Echo:
    """The server, a thread over sockets inside a namespace; `seen` are the addresses that have asked.

    Port 80 answers any HTTP request with the client's address as its body. Port 7 greets a connection with a
    line that holds the client's address and gives back whatever it says: a flow that can last. A datagram to
    port 7 is answered with the address of who sent it.
    """

    def __init__(self, inside: Namespace, address: str = "0.0.0.0") -> None:
        self.seen: list[str] = []
        self._inside, self._address = inside, address
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name=f"echo {address}", daemon=True)

    def __enter__(self) -> Self:
        self._watch(self._woken, lambda: None)
        for port, greet in ((HTTP_PORT, self._answer), (ECHO_PORT, self._greet)):
            listener = self._inside.listener(self._address, port)
            self._watch(listener, lambda listener=listener, greet=greet: self._accept(listener, greet))  # type: ignore[misc]
        datagrams = self._inside.open_socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind((self._address, ECHO_PORT))
        self._watch(datagrams, lambda: self._answer_datagram(datagrams))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake.close()
        self._thread.join()

    def _serve(self) -> None:
        """Serve until the other end of the pair is closed; then close all sockets."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    return self._close()
                with suppress(OSError):
                    key.data()

    def _close(self) -> None:
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()

    def _watch(self, watched: socket.socket, react: Callable[[], None]) -> None:
        watched.setblocking(False)
        self._selector.register(watched, selectors.EVENT_READ, react)

    def _accept(self, listener: socket.socket, greet: Callable[[socket.socket, str], None]) -> None:
        connection, (peer, _) = listener.accept()
        self.seen.append(peer)
        greet(connection, peer)

    def _answer(self, connection: socket.socket, peer: str) -> None:
        """Answer the request once its end is there, which for a request without a body is one read."""

        def answer() -> None:
            if connection.recv(65536):
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(peer)}\r\nConnection: close\r\n\r\n"
                connection.sendall(head.encode() + peer.encode())
            self._forget(connection)

        self._watch(connection, answer)

    def _greet(self, connection: socket.socket, peer: str) -> None:
        def give_back() -> None:
            try:
                data = connection.recv(65536)
                connection.sendall(data)
            except OSError:
                data = b""
            if not data:
                self._forget(connection)

        connection.sendall(f"{peer}\n".encode())
        self._watch(connection, give_back)

    def _answer_datagram(self, datagrams: socket.socket) -> None:
        _, peer = datagrams.recvfrom(65536)
        self.seen.append(peer[0])
        datagrams.sendto(peer[0].encode(), peer)

    def _forget(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        connection.close()
