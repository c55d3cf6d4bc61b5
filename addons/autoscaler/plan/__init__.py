"""The simulation: which pods fit where, which groups grow, which nodes go, and why not. Pure."""
