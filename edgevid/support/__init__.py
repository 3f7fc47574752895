"""Tools that every part uses: files that appear whole, JPEG, text, arguments."""
