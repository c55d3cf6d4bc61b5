#!/usr/bin/env bash
# pyroute2 0.9.7: `IPRoute.neigh("dump")` cannot give the proxy neighbours that the kernel has.
#
# Its documentation says of `dump` that it dumps all the records. The kernel lists proxy entries (`ip neigh add proxy`) only
# for a request whose header has the flag NTF_PROXY, as `ip neigh show proxy` sends it (the control). A plain dump has none
# of them, and `flags=NTF_PROXY` is accepted and gives an empty list: it selects among what came, and is not sent.
# Fails when that changes. Needs root, iproute2, Python with venv, and PyPI.   usage: pyroute2-no-proxy-neighbours.sh
set -euo pipefail
folder=$(mktemp -d) space=finding-$$-proxy
trap 'ip netns del $space 2> /dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pyroute2==0.9.7
ip netns add $space
ip -n $space link add one type veth peer name two
ip -n $space link set one up
ip -n $space neigh add proxy 10.1.1.1 dev one

control=$(ip -n $space neigh show proxy | cut -d ' ' -f 1)
seen=$("$folder/venv/bin/python" - $space <<'PROGRAM'
import sys
from socket import AF_INET

from pyroute2 import IPRoute

NTF_PROXY = 8
with IPRoute(netns=sys.argv[1]) as route:
    dumps = (route.neigh("dump", family=AF_INET), route.neigh("dump", family=AF_INET, flags=NTF_PROXY))
    print([[entry.get("dst") for entry in dump] for dump in dumps])
PROGRAM
)
echo "ip neigh show proxy: $control; pyroute2: $seen"
[ "$control" = 10.1.1.1 ]
[ "$seen" = "[[], []]" ]
