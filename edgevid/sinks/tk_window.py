"""A window, in the process that ``edgevid.sinks.window`` starts. Standard library alone.

On standard input come pictures as PPM (``P6``). On standard output goes a line when there is a
window, when a picture was shown, and when the window has another size: ``WIDTH HEIGHT SHOWN``, the
room for the next picture and how many were shown.
"""

from __future__ import annotations

import sys

CLOSED, NO_DISPLAY, NO_TKINTER = 0, 3, 4  # exit codes; Xlib ends with 1 when its display is lost

_TITLE = "edgevid"
_LARGEST = (1280, 720)  # width, height to open with
_QUIT_KEYS = ("q", "Escape")


def serve() -> int:
    """Shows pictures until there are no more or the window is closed; returns the exit code."""
    try:
        import tkinter  # here: Debian has it in a package of its own
    except ImportError:
        return NO_TKINTER
    try:
        root = tkinter.Tk(className=_TITLE)
    except tkinter.TclError:
        return NO_DISPLAY
    root.withdraw()  # until there is something to see
    root.title(_TITLE)
    label = tkinter.Label(root, background="black", borderwidth=0)
    label.pack(fill="both", expand=True)
    room = min(_LARGEST[0], root.winfo_screenwidth()), min(_LARGEST[1], root.winfo_screenheight())
    shown = 0
    image: tkinter.PhotoImage | None = None  # Tk shows only what is kept

    def tell() -> None:
        print(*room, shown, flush=True)

    def resize(event: tkinter.Event[tkinter.Label]) -> None:
        nonlocal room
        room = event.width, event.height
        tell()

    def show(*_: object) -> None:
        nonlocal room, shown, image
        header = sys.stdin.buffer.readline()
        if not header:
            root.destroy()
            return
        width, height = (int(word) for word in header.split()[1:3])
        data = header + sys.stdin.buffer.read(3 * width * height)
        # A new one each time: to change one takes Tk half as long again.
        image = tkinter.PhotoImage(master=root, data=data, format="PPM")
        label.configure(image=image)
        if not shown:
            room = width, height
            root.geometry(f"{width}x{height}")
            root.deiconify()
        root.update_idletasks()  # draws it
        shown += 1
        tell()

    label.bind("<Configure>", resize)
    for key in _QUIT_KEYS:
        root.bind(f"<KeyPress-{key}>", lambda _: root.destroy())
    root.createfilehandler(sys.stdin, tkinter.READABLE, show)
    tell()
    root.mainloop()
    return CLOSED


if __name__ == "__main__":
    sys.exit(serve())
