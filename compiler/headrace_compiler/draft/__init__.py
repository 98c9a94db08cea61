"""The draft of a contract from a sample."""
