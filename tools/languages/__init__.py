"""Builds the programs in `languages/` with clients that generators make of openapi.yaml, and checks them."""
