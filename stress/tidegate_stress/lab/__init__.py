"""The overload laboratory: real threads, real clocks, and queues that people use, each driven into overload in a child process.

`case` says what one run is and what it gives. `arrivals` makes the load, `work` is what the workers do, `subjects` are the queues,
`drive` runs one case, `child` and `supervise` keep it apart from the rest, `bounds` judges, `collapse` shows the nine links, and
`command` is `tidegate stress`.
"""
