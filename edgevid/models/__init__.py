"""Models by name: catalog, download, cache, loading."""
