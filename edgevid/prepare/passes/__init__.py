"""The rewrites, one a module: each takes a graph and returns what it changed."""
