"""The only callers of AWS and HTTP, behind the ports of `usecases`."""
