#!/usr/bin/env bash
# Linux 6.18 with nftables 1.0.6: a filter of forwarded bridge frames lets all of IP pass when it was loaded before the
# network namespace had its first bridge.
#
# With the first bridge the kernel registers the hooks of br_netfilter, whose one for `forward` has the priority 0 and
# comes before chains of this priority that are there already. It takes each frame of IP out of the list of hooks, and
# the way back begins behind priority 0 (net.bridge.bridge-nf-call-iptables=1, the default). So `type filter hook forward
# priority 0; policy drop` drops nothing, though `nft list` shows it; loaded after the bridge it drops. A boot script that
# loads rules before networks are up gets the first. Priority -10 filters in both orders (the control).
# Fails when that changes. Needs root, iproute2, nft, busybox, br_netfilter.   usage: nft-bridge-rules-before-the-bridge.sh
set -euo pipefail
switch=finding-$$-switch one=finding-$$-one two=finding-$$-two
remove() { for each in $switch $one $two; do ip netns del "$each" 2> /dev/null || true; done; }
trap remove EXIT

load_rules() { # priority
  printf 'table bridge f {\n chain c { type filter hook forward priority %s; policy drop; }\n}\n' "$1" |
    ip netns exec $switch nft -f -
}
join() { # namespace, number: let it be a host of the bridge
  ip -n $switch link add "port$2" type veth peer name eth0 netns "$1"
  ip -n $switch link set "port$2" master bridge up
  ip -n "$1" link set eth0 address "02:00:00:00:00:0$2" up
  ip -n "$1" addr add "10.1.1.$2/24" dev eth0
  ip -n "$1" neigh add "10.1.1.$((3 - $2))" lladdr "02:00:00:00:00:0$((3 - $2))" dev eth0
}
ping_over() { # what comes first, priority of the rules: say what becomes of a ping
  for each in $switch $one $two; do ip netns add "$each"; done
  [ "$1" = bridge ] || load_rules "$2"
  ip -n $switch link add bridge type bridge
  ip -n $switch link set bridge up
  join $one 1
  join $two 2
  [ "$1" = rules ] || load_rules "$2"
  if ip netns exec $one busybox ping -c 2 -W 1 10.1.1.2 > /dev/null; then echo passes; else echo dropped; fi
  remove
}
seen="$(ping_over rules 0) $(ping_over bridge 0) $(ping_over rules -10) $(ping_over bridge -10)"
echo "rules first, bridge first, and both again with priority -10: $seen"
[ "$seen" = "passes dropped dropped dropped" ]
