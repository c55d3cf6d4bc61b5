"""The socket at which container runtimes, other daemons and people ask."""
