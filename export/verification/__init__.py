"""Whether an exported file does what the network does, layer by layer."""
