"""Each action of a plan: how it is carried out, so that doing it again does no harm."""
