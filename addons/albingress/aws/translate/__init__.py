"""boto3 shapes and the model's values, normalised both ways, so that equal things compare equal."""
