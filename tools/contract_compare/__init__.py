"""Compares the contract with another description of its operation."""
