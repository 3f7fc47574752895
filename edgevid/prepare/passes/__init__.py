"""The rewrites, one a module: each takes a graph and says what it changed."""
