"""The values of the autoscaler: pods, nodes, groups and templates, orders and removals, and what came of
them."""
