"""Races from the issue trackers of Python projects, each rebuilt small in our own words: NAME fails, NAME_mended does not.

They are plain programs that import nothing of this project; `..corpus` says where each is from and what is known of it.
"""
