"""Models by name: the catalog, the download, the cache, and the way to one that runs."""
