"""Programs from npm that read the contract."""
