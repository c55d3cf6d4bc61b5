"""Tells why an object has the records, the rules or the role that it has, by asking the daemons."""
