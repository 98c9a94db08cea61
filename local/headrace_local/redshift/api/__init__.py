"""The Data API and the serverless API, as boto3 calls them."""
