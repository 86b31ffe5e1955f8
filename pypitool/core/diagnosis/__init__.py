"""What is wrong, or will be soon: findings made of what was observed, nothing else."""
