"""The checks of an account, a region and a deployed stack, before and after a deployment."""
