"""queue.SimpleQueue: it takes any number of items.

Exit status 1: the fault shows; 0: it does not.
"""

import sys
from queue import SimpleQueue

CAPACITY = 3  # wanted, but there is nowhere to say so

queue: SimpleQueue[int] = SimpleQueue()
for number in range(1_000):
    queue.put_nowait(number)
print(f"{CAPACITY} slots were wanted, {queue.qsize():,} items are queued")
sys.exit(queue.qsize() > CAPACITY)
