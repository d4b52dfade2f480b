"""The OpenAPI document, made from the table of operations and the types that it names."""
