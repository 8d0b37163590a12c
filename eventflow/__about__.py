"""Which version this is, said once; everything else reads it here."""

__version__ = "0.4.0"
