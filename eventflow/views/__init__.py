"""What is shown of an application, as plain facts: the command line prints what is read here, pages draw it."""
