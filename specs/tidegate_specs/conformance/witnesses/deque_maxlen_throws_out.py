"""collections.deque(maxlen): a full one takes the new item and throws out the oldest, which was accepted before.

Exit status 1: the fault shows; 0: it does not.
"""

import sys
from collections import deque

CAPACITY = 3

queue: deque[int] = deque(maxlen=CAPACITY)
for number in range(CAPACITY + 1):
    queue.append(number)
print(f"{CAPACITY + 1} items were appended without a refusal, {list(queue)} are left: the first is lost")
sys.exit(0 not in queue)
