"""A strict Route 53: what the real one refuses is refused here, with the same code and the same words."""
