"""The words of the log, locked in a file and compared with the code."""

from __future__ import annotations

import json
from pathlib import Path

from eventflow.cli.exits import Code
from tests.cli.words import Shop, document


def test_a_locked_vocabulary_is_covered_by_the_code_that_wrote_it(shop: Shop, place: Path) -> None:
    assert shop.knows("vocabulary", "lock", "--output", "words.json")["categories"] == ["order", "parcel"]

    assert shop.knows("vocabulary", "check", "words.json") == {"covered": True, "problems": []}
    assert json.loads((place / "words.json").read_text()) == document(shop.says("vocabulary", "lock"))


def test_a_word_that_the_code_has_lost_ends_with_damage(shop: Shop, place: Path) -> None:
    forget_nothing(shop, place)

    result = shop.says("vocabulary", "check", "words.json")

    assert result.exit_code == Code.DAMAGED
    assert "order:wrapped" in result.stdout


def test_a_lock_forgets_nothing_unless_it_is_told_to(shop: Shop, place: Path) -> None:
    forget_nothing(shop, place)

    refused = shop.says("vocabulary", "lock", "--output", "words.json")
    assert refused.exit_code == Code.REFUSED
    assert "wrapped" in (place / "words.json").read_text()

    assert shop.says("vocabulary", "lock", "--output", "words.json", "--yes").exit_code == 0
    assert shop.says("vocabulary", "check", "words.json").exit_code == 0


def test_a_file_that_is_no_vocabulary_is_a_usage_error(shop: Shop, place: Path) -> None:
    for content in ("{", "[]", '{"order": 1}'):
        (place / "words.json").write_text(content)
        assert shop.says("vocabulary", "check", "words.json").exit_code == Code.USAGE


def forget_nothing(shop: Shop, place: Path) -> None:
    """A lock of a time when orders were wrapped as well."""
    words = document(shop.says("vocabulary", "lock"))
    words["order"]["events"]["wrapped"] = {"version": 1, "was": [], "fields": {}}
    (place / "words.json").write_text(json.dumps(words))
