"""A package: what runs for all tests of this folder ends with the last of them."""
