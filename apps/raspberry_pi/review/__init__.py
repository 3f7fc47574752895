"""What the owner says of events, and models that are taught by it."""
