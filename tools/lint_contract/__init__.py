"""Lints the contract with two linters from npm, each with its rule set."""
