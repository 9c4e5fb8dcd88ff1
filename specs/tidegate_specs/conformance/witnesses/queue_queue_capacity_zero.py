"""queue.Queue: a capacity of zero is no error, and means no bound.

Exit status 1: the fault shows; 0: it does not.
"""

import sys
from queue import Queue

OFFERED = 1_000

queue = Queue[int](0)
for number in range(OFFERED):
    queue.put_nowait(number)
print(f"a queue of capacity 0 was made, and took {queue.qsize():,} of {OFFERED:,} items")
sys.exit(queue.qsize() > 0)
