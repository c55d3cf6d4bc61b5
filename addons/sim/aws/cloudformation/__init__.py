"""CloudFormation: stacks over the simulated Auto Scaling and the launch templates of EC2."""
