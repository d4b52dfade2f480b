"""The demo: a catalog that uses every kind of rule, and two characters with something in their bags."""
