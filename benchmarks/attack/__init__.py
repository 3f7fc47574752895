"""Attacks on edgevid, bounded in number and time: each campaign counts what it could break."""
