"""How often a client is answered; the same loop for every engine's clients."""

import time

WARM = 5


def rate(ask, chance, seconds, highest, ready) -> float:
    """Statements a second that `ask(key)` ends in so many seconds, after a few that do not count and `ready()`."""
    for _ in range(WARM):
        ask(chance.randrange(1, highest))
    ready()
    began, done = time.perf_counter(), 0
    while (took := time.perf_counter() - began) < seconds:
        ask(chance.randrange(1, highest))
        done += 1
    return done / took
