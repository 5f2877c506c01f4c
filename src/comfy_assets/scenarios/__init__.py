"""Answers as data, and a minimal model of the service that gives them."""
