"""Netlink: how this project speaks with the kernel about packet filters and networks."""
