"""The Data API and the serverless API, as boto3 speaks to them."""
