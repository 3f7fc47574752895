"""Videos around events, in a folder of bounded size."""
