"""edgevid: action recognition on a small device, live, for ever."""
