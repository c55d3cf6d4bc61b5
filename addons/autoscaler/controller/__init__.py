"""The loop: observe, simulate, order and remove, and report; and the parts that work beside it."""
