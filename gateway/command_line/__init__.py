"""The commands beside `serve`: what they take, do and say."""
