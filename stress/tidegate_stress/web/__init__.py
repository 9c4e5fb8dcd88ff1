"""Real web servers under more load than they can serve, with and without the admission middleware: `tidegate web`.

`apps` has the two applications, `servers` runs them, `load` makes the load, `run` puts the three together, `judge` has the bounds.
"""
