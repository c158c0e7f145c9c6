"""Free what Python keeps of objects that are gone; what the allocators keep is not our part."""

from __future__ import annotations

import gc
import sys
import threading

#: A dict of eight places has room for five entries; what is deleted counts until it is made anew.
STARTS_THAT_RENEW_THE_TABLE = 6

#: The size of the table of such a dict, on 64 bits, and more such blocks than there are gaps.
TABLE_BYTES = 160
GAPS = 2_000


def forget_free_objects() -> None:
    """Collect garbage, and empty Python's lists of free tuples, contexts and the like.

    Those hold up to 2,000 objects of a kind, and one of them keeps a megabyte of Python's
    allocator; only a full collection empties them. It also frees what a crowd has left in circles,
    such as exceptions whose frames hold what was received, and which nobody would collect as long
    as no requests come. It takes as long as one that Python makes by itself: about 10 ms for
    100,000 objects.

    Where the app has switched collections off, nothing of its own is looked at: all objects are
    frozen meanwhile, so that it takes no time and runs no finalizers. Where some are frozen already
    they could not be told from the others, and it is left to whoever decides about those.
    """
    if gc.isenabled():
        gc.collect()
        return
    if gc.get_freeze_count():
        return
    gc.freeze()
    try:
        gc.collect()
    finally:
        gc.unfreeze()


def renew_table_of_starting_threads() -> None:
    """Let `threading` make its table of threads that are being started where memory is dense.

    It makes it anew at every fifth start. The one that a crowd has left lies where memory was
    fullest, and keeps a megabyte of Python's allocator, which looks for a gap first: while all gaps
    of that size are filled, the next one lies among what was there before. Takes a millisecond.
    """
    filling = [bytes(TABLE_BYTES - sys.getsizeof(b"")) for _ in range(GAPS)]
    for _ in range(STARTS_THAT_RENEW_THE_TABLE):
        thread = threading.Thread(target=len, args=(filling,), daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return  # the system has no more threads, and the table stays
        thread.join()
