"""The nouns of DNS: host names, record sets, zones, ownership, claims and plans. Values only."""
