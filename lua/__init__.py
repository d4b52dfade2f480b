"""The mirror: the rules as a function library that runs inside Redis or Valkey."""
