"""Measurements: scripts that print a table, and with ``--json FILE`` write it down.

The clips they play are not part of the project: ``benchmarks.clips`` says where they are looked
for.
"""
