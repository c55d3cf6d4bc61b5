"""Links, addresses, routes, rules and packet filters of the node and of its pods."""
