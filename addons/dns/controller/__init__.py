"""Where the parts meet: endpoints follow the watched objects, and one zone at a time is reconciled."""
