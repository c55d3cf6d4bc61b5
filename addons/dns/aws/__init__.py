"""The door to Route 53: zones and record sets in, change batches out."""
