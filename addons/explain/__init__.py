"""Tells why an object has the records or the role that it has, by asking the daemons of the cluster."""
