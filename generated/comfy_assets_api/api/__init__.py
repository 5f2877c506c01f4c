# Generated from openapi.yaml and overrides/. Do not edit: change those, then run ./generate.sh
"""The operations of the contract."""
