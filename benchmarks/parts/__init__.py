"""Real servers and a tiny model, which campaigns and tests share."""
