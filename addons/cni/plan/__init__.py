"""What to do about addresses, interfaces, routes, rules and the capacity of the node. Pure."""
