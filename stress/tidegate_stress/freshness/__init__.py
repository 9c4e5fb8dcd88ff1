"""What patience brings when a capacity is too large, or a service has become slower: goodput of the intake and of its peers.

`case` says what a run is and what it gives, `doors` are the queues, `codel` is one of them, `drive` runs a case with threads and
real clocks, `simulate` the same on a clock that jumps from event to event, `judge` holds the rows to their bound, `report` and
`plots` lay out what was seen, and `command` is `tidegate freshness`.
"""
