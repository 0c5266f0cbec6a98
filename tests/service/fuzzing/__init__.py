"""What schemathesis loads while it runs over the whole OpenAPI document."""
