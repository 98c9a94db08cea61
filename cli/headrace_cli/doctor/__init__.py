"""What an account, a region and a deployed stack are examined for, before and after a deployment."""
