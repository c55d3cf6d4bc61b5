"""A strict STS: roles with trust policies, sessions that expire, identity tokens that are verified."""
