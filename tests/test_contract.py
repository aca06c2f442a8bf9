"""The published schemas and the structures say the same."""

import json

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema
from jsonschema import Draft202012Validator

from pipeline.checks import first_defect
from pipeline.contract import RECORDS, json_schema
from pipeline.model import Control, Queue
from pipeline.store import SHIPPED

NAMES = sorted(RECORDS)


@pytest.mark.parametrize("name", NAMES)
def test_the_published_schema_is_that_of_the_structure(name):
    """`python bin/schemas` was run after the last change."""
    published = json.loads((SHIPPED / "schemas" / f"{name}.schema.json").read_text())
    assert published == json_schema(RECORDS[name])
    Draft202012Validator.check_schema(published)


def test_every_published_schema_belongs_to_a_structure():
    """No schema is left over."""
    assert {path.name for path in (SHIPPED / "schemas").iterdir()} == {f"{name}.schema.json" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_what_the_schema_admits_the_structure_reads_and_writes_back(name):
    """Both sides accept the same values: a record made from the schema survives the structure."""
    kind = RECORDS[name]
    schema = json_schema(kind)

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(value=from_schema(schema))
    def agree(value):
        record = msgspec.json.decode(json.dumps(value), type=kind)
        assert first_defect(schema, json.loads(msgspec.json.encode(record))) is None

    agree()


@pytest.mark.parametrize("name", NAMES)
def test_what_the_schema_refuses_the_structure_refuses(name):
    """A record with one value of a wrong type is refused by both sides."""
    kind = RECORDS[name]
    schema = json_schema(kind)
    keys = sorted(schema["properties"])

    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
    @given(value=from_schema(schema), key=st.sampled_from(keys))
    def agree(value, key):
        broken = {**value, key: {"": {"": object.__name__}}}
        refused = first_defect(schema, broken) is not None
        try:
            msgspec.json.decode(json.dumps(broken), type=kind)
        except msgspec.ValidationError:
            assert refused
        else:
            assert not refused

    agree()


def test_the_shipped_files_follow_their_schemas():
    """pipeline.yaml, the queue and the control file are valid as they are shipped."""
    raw = yaml.safe_load((SHIPPED / "pipeline.yaml").read_text())
    assert first_defect(json_schema(RECORDS["pipeline"]), raw) is None
    for path, kind in (("data/queues/priority-queue.json", Queue), ("batch-control.json", Control)):
        value = json.loads((SHIPPED / path).read_bytes())
        assert first_defect(json_schema(kind), value) is None
