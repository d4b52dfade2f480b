"""Settings: what the environment and the command line say."""
