"""The difference between what is asked for and what AWS has, as ordered and guarded actions. Pure."""
