"""The network: built, initialized, recovered from published files, saved, run over clips."""
