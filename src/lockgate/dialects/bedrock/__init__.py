"""The dialects of Amazon Bedrock."""
