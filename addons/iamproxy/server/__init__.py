"""The metadata service that pods see: exact routes, tokens of its own, answers from memory, limits."""
