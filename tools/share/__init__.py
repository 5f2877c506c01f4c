"""Writes the contract in the forms that programs in other languages use."""
