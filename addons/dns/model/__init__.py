"""The nouns of DNS: host names, record sets, zones, ownership, endpoints and plans. Values only."""
