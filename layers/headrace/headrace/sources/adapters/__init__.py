"""The servers, the source ledger, the queue of polls."""
