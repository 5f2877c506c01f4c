"""The pictures of README and documentation, made from real runs: `make pictures`."""
