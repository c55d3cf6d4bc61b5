"""The operations of the API: parameters in, answer out, both under the names that boto3 shows."""
