"""The handlers of the API, a file for each thing that it has."""
