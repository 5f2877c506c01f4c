"""A whole library of files becomes references: walk, hash and register, at the same time.

`engine` holds the two functions for programs; `events` what they yield.
"""
