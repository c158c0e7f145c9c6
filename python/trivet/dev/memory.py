"""Give the memory of errors that were let go back to the system; nothing else is cleaned here."""

from __future__ import annotations

import ctypes
import gc


def give_memory_back() -> None:
    """Free what frames held, and let the allocator return it.

    Frames of an error refer to it, and it to them: only the collector frees such a circle, and a
    full collection may be far away. glibc then keeps the freed pages in the heaps of its threads.
    After 400 errors with a local of 1 MiB each the process held 46 MB; 54 MB without malloc_trim,
    and 245 MB without the collection either.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
    if trim is not None:
        trim(0)
