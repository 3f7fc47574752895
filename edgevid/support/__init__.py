"""What every part needs and nobody comes for: files that appear whole, JPEG, text, arguments."""
