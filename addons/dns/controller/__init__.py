"""Where the parts meet: claims follow the watched objects, and one zone at a time is reconciled."""
