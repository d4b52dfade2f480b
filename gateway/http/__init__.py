"""What every handler reads and writes: requests, conditions, replies, problems."""
