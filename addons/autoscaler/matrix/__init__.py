"""The matrix of groups: a file describes cells, and each cell is a stack with one group. Pure."""
