"""The operations of ELBv2, on plain values under the names that boto3 shows."""
