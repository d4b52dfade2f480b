"""Who calls, and what they may: tokens of services and of characters."""
