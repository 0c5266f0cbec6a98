"""What happens to Executions: a numbered journal for each, and one live feed for each user."""
