"""The ledger: every applied call, and what can be told and made from it."""
