"""``eventflow flows``: definitions, seen and changed, and the items that go by them."""
