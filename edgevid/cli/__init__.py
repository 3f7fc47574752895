"""The commands: their options, their output, their exit codes."""
