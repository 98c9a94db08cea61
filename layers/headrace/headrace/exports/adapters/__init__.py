"""The export ledger, queue, bucket and workflow."""
