"""The tests: the code mirrored, whole stories in walks, the rules of the house in house, programs in bench."""
