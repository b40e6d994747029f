"""Vector and hybrid search inside SQLite.

    import sqlite3, nearlite
    db = sqlite3.connect("notes.db")
    nearlite.load(db)
"""

import array
import os
import sqlite3
import sys

__all__ = ["__version__", "load", "loadable_path", "serialize_float32"]

__version__ = "0.0.0"

_SUFFIX = {"darwin": "dylib", "win32": "dll"}.get(sys.platform, "so")


def loadable_path():
    """The path of the extension, as SQLite's load_extension() takes it."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "nearlite." + _SUFFIX)


def load(conn):
    """Load nearlite into an open sqlite3.Connection.

    Each connection needs its own load. Whether the connection may load other
    extensions afterwards is left as it was.
    """
    if not hasattr(conn, "load_extension"):
        if isinstance(conn, sqlite3.Connection):
            raise RuntimeError("nearlite: load: this Python's sqlite3 module was built without extensions")
        raise TypeError(f"nearlite: load: got {type(conn).__name__}, want an open sqlite3.Connection")
    try:
        conn.load_extension(loadable_path())
    except Exception as e:  # the error classes of modules like sqlite3 differ
        if "not authorized" not in str(e):
            raise
    else:
        return
    conn.enable_load_extension(True)
    try:
        conn.load_extension(loadable_path())
    finally:
        conn.enable_load_extension(False)


def serialize_float32(vector):
    """A vector as the bytes that F32_BLOB columns hold: float32, little-endian.

    vector is a sequence of numbers or a one-dimensional array of NumPy's.
    """
    if isinstance(vector, (str, bytes, bytearray)):
        raise TypeError(f"nearlite: serialize_float32: got {type(vector).__name__}, want a sequence of numbers")
    if getattr(vector, "ndim", 1) != 1:
        raise ValueError(f"nearlite: serialize_float32: got an array of {vector.ndim} dimensions, want one")
    if hasattr(vector, "tolist"):
        vector = vector.tolist()
    numbers = array.array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
