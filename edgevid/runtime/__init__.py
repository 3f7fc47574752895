"""From frames to predictions and events: pace, preprocessing, network, ranking, event rules."""
