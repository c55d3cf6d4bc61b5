"""From endpoints and record sets to changes: per hosted zone, guarded, packed into batches. Pure."""
