"""JSON Schemas of the two standards, written from their documented fields: in-toto Statement v1 with its predicates.

They are stricter than a consumer may be in one respect: a field that the standards do not name is an error, since
none is written.
"""

from typing import Any

URI = {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$"}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
NAMES = {"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": True}
DIGESTS = {
    "type": "object",
    "properties": {
        "sha1": {"type": "string", "pattern": "^[0-9a-f]{40}$"},
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "sha384": {"type": "string", "pattern": "^[0-9a-f]{96}$"},
        "sha512": {"type": "string", "pattern": "^[0-9a-f]{128}$"},
    },
    "additionalProperties": False,
    "minProperties": 1,
}


def fields(required: str, optional: str = "", **properties: Any) -> dict[str, Any]:
    """Return the schema of an object with these properties and no others."""
    assert set(properties) == {*required.split(), *optional.split()}
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


DESCRIPTOR = {
    **fields(
        "",
        "name uri digest content downloadLocation mediaType annotations",
        name={"type": "string"},
        uri=URI,
        digest=DIGESTS,
        content={"type": "string"},
        downloadLocation=URI,
        mediaType={"type": "string"},
        annotations={"type": "object"},
    ),
    "anyOf": [{"required": ["uri"]}, {"required": ["digest"]}, {"required": ["content"]}],
}
SUBJECT = {**DESCRIPTOR, "required": ["digest"]}
PROVENANCE = fields(
    "buildDefinition runDetails",
    buildDefinition=fields(
        "buildType externalParameters",
        "internalParameters resolvedDependencies",
        buildType=URI,
        externalParameters={"type": "object"},
        internalParameters={"type": "object"},
        resolvedDependencies={"type": "array", "items": DESCRIPTOR},
    ),
    runDetails=fields(
        "builder",
        "metadata byproducts",
        builder=fields(
            "id",
            "version builderDependencies",
            id=URI,
            version={"type": "object", "additionalProperties": {"type": "string"}},
            builderDependencies={"type": "array", "items": DESCRIPTOR},
        ),
        metadata=fields(
            "",
            "invocationId startedOn finishedOn",
            invocationId={"type": "string"},
            startedOn=TIME,
            finishedOn=TIME,
        ),
        byproducts={"type": "array", "items": DESCRIPTOR},
    ),
)
TEST_RESULT = fields(
    "result configuration",
    "url passedTests warnedTests failedTests",
    result={"enum": ["PASSED", "WARNED", "FAILED"]},
    configuration={"type": "array", "items": DESCRIPTOR},
    url=URI,
    passedTests=NAMES,
    warnedTests=NAMES,
    failedTests=NAMES,
)


def statement(predicate_type: str, predicate: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a Statement with one type of predicate."""
    return fields(
        "_type subject predicateType",
        "predicate",
        _type={"const": "https://in-toto.io/Statement/v1"},
        subject={"type": "array", "items": SUBJECT, "minItems": 1},
        predicateType={"const": predicate_type},
        predicate=predicate,
    )


STATEMENTS = {
    "https://slsa.dev/provenance/v1": statement("https://slsa.dev/provenance/v1", PROVENANCE),
    "https://in-toto.io/attestation/test-result/v0.1": statement(
        "https://in-toto.io/attestation/test-result/v0.1", TEST_RESULT
    ),
}
