"""Answers as data: what services do that the contract does not say, for tests of clients and of the check."""
