"""The taxonomy: every cause has an owner and a remedy."""

import pytest

from pipeline.model import Category, Subcategory
from pipeline.taxonomy import TAXONOMY, Owner


def test_every_cause_is_described():
    """A new cause without a description fails here."""
    assert set(TAXONOMY) == set(Subcategory)


@pytest.mark.parametrize("subcategory", list(Subcategory))
def test_each_remedy_is_one_sentence(subcategory):
    """A remedy is what a person reads: one sentence, begun with a capital, ended with a full stop."""
    remedy = TAXONOMY[subcategory].remedy
    assert remedy[0].isupper()
    assert remedy.endswith(".")
    assert ". " not in remedy
    assert len(remedy) <= 120


def test_what_passes_by_itself_is_never_the_packages_metadata():
    """Only outages and missing results are tried again; a fact of the package would be tried for ever."""
    transient = {TAXONOMY[each].category for each in Subcategory if TAXONOMY[each].transient}
    assert Category.GENERATION_FAILED not in transient
    assert Category.RECIPE_NOT_FOUND not in transient
    assert {each.owner for each in TAXONOMY.values()} == set(Owner)
