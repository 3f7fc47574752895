"""The commands that a user types: their options, what they print, their exit codes."""
