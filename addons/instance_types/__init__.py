"""What EC2's types of instances can hold: interfaces and addresses. Shared by the daemons that count them."""
