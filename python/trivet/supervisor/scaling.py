"""How many workers there are: more and fewer, when somebody or the load says so.

All of it runs in the supervisor's only thread.
"""

from __future__ import annotations

from trivet.supervisor.slot import Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from trivet.settings.table import Settings
    from trivet.supervisor.loop import Supervisor


def within_bounds(workers: int, settings: Settings) -> int:
    """The number that is nearest to a wish, where min_workers and max_workers bound it."""
    if not settings.max_workers:
        return max(1, workers)
    return min(max(workers, settings.min_workers), settings.max_workers)


def follow_load(supervisor: Supervisor) -> None:
    """Let the load decide from now on, if the settings say so and it does not already."""
    if supervisor.following is None and supervisor.crew.plan.settings.max_workers:
        from trivet.supervisor.following import Following  # needed only by who asks for it

        supervisor.following = Following(supervisor)


def scale(supervisor: Supervisor, workers: int, cause: str) -> None:
    """Run so many workers from now on. Raises ValueError below one."""
    if workers < 1:
        raise ValueError("a server needs at least one worker")
    if supervisor.is_ending:
        return
    crew = supervisor.crew
    kept = crew.kept
    if len(kept) == workers:
        return
    supervisor.log.emit("scaling", cause=cause, before=len(kept), workers=workers)
    for slot in kept[workers:]:
        slot.removed, slot.due = True, None
        for child in slot.children:
            crew.tell_to_leave(child)
    crew.slots = [slot for slot in crew.slots if not slot.removed or slot.children]
    taken = {slot.number for slot in crew.slots}
    free = (number for number in range(1, len(taken) + workers + 1) if number not in taken)
    for _ in range(workers - len(kept)):
        crew.slots.append(Slot(next(free)))
    crew.slots.sort(key=lambda slot: slot.number)
    supervisor.run_hook("nworkers_changed", workers=workers, workers_before=len(kept), cause=cause)
    crew.start_all([slot for slot in crew.kept if not slot.children])
