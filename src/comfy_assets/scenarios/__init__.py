"""Answers as data: what services do that the contract does not say, and a minimal model of one."""
