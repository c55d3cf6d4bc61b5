"""Network interfaces, addresses, assignments and requests of container runtimes. Values only."""
