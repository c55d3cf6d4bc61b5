"""What a sixth daemon would need that has nothing to do with the five: transport, caches, loop, settings."""
