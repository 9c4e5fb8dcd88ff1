"""A module that can't be imported."""

app = 1 // 0
