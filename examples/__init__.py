"""Programs to read and to run: plain boto3 against a service, and a demo that starts one for them."""
