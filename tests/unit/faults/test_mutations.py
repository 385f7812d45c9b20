"""The table of mutations stays true to the sources: each change fits, and each test that it names is there."""

import ast

import pytest

from tests.faults.mutation import ROOT, Mutation
from tests.faults.mutations import MUTATIONS


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_each_mutation_fits_its_source_and_leaves_python(mutation: Mutation) -> None:
    changed = mutation.applied_to((ROOT / mutation.file).read_text(encoding="utf-8"))
    ast.parse(changed)
    assert changed != (ROOT / mutation.file).read_text(encoding="utf-8")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_each_mutation_names_a_test_that_is_there(mutation: Mutation) -> None:
    path, _, name = mutation.test.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert not name or name.partition("[")[0] in tests


def test_no_two_mutations_share_a_name() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
