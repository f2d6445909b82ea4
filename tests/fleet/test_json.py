"""The JSON of a fleet is as its schema says."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
from referencing import Registry, Resource

from tests.fleet.conftest import Run

FOLDER = files("pjsipdiag.report.machine")


def test_it_is_as_its_schema_says(run: Run) -> None:
    schema = json.loads((FOLDER / "fleet-1.json").read_text())
    report = Resource.from_contents(json.loads((FOLDER / "schema-1.json").read_text()))
    jsonschema.Draft202012Validator.check_schema(schema)
    known: Registry[Any] = Registry().with_resource("schema-1.json", report)
    jsonschema.Draft202012Validator(schema, registry=known).validate(json.loads((run.folder / "out.json").read_text()))
