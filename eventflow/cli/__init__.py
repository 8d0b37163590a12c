"""The command line: ``eventflow NOUN VERB``, thin commands over the same functions that programs call."""
