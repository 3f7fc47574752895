"""How fast, how big, how it compares: scripts that print a table and write JSON."""
