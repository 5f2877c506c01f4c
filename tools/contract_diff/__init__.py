"""What a change of the contract means, for everyone who relies on it."""
