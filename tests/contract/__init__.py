"""Both sides of the contract, tested with cases that are derived from it."""
