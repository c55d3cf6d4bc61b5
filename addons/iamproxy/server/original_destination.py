"""How a connection came here: by our redirect from a metadata address, or dialled directly."""

import socket
import struct
from asyncio.trsock import TransportSocket

METADATA_ADDRESSES = ("169.254.169.254", "fd00:ec2::254")
"""Where EC2 has its metadata service; pods that dial one of them are redirected to ours."""

_ORIGINAL_DESTINATION = 80  # SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST of linux/netfilter_ipv{4,6}
_SOCKADDR: dict[int, tuple[int, struct.Struct]] = {
    socket.AF_INET: (socket.SOL_IP, struct.Struct("4x4s8x")),
    socket.AF_INET6: (socket.IPPROTO_IPV6, struct.Struct("8x16s4x")),
}


def is_redirected(connection: socket.socket | TransportSocket) -> bool:
    """Whether the pod dialled a metadata address; the kernel knows it from tracking the connection."""
    return original_destination(connection) in METADATA_ADDRESSES


def original_destination(connection: socket.socket | TransportSocket) -> str | None:
    """The address that was dialled; None when the kernel does not track the connection."""
    level, form = _SOCKADDR[connection.family]
    try:
        packed = connection.getsockopt(level, _ORIGINAL_DESTINATION, form.size)
    except OSError:
        return None
    (address,) = form.unpack(packed)
    return socket.inet_ntop(connection.family, address)
