"""What support staff and operators do with one character: look back, bring back, mend, export, erase."""
