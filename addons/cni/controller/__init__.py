"""Ties the parts together: requests, the pool, the kernel, the capacity of the node."""
