"""The short proofs, and that the runner sees a proof that proves nothing."""

import dataclasses
import re

import pytest

from tests.formal.proofs import PROOFS
from tests.formal.runner import VARIANTS, ProofError, check

QUICK = [proof for proof in PROOFS if proof.quick]
INDUCTIVE = next(proof for proof in PROOFS if proof.name == "weight_buffer")
SHORT = next(proof for proof in PROOFS if proof.name == "pack_parts")


# The bug of one by induction is below, as broken hardware
QUICK_VARIANTS = [*(("loader", variant) for variant in VARIANTS), ("weight_buffer", "proof")]
CASES = [
    pytest.param(name, variant, marks=() if (name, variant) in QUICK_VARIANTS else pytest.mark.long)
    for name in ("pack_words", "loader", "weight_buffer")
    for variant in VARIANTS
]


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_proof_cover_and_bug(name, variant, tmp_path):
    check(next(proof for proof in PROOFS if proof.name == name), variant, tmp_path)


def test_names_are_unique_and_most_proofs_are_unbounded():
    assert len({proof.name for proof in PROOFS}) == len(PROOFS)
    assert sum(proof.depth is None for proof in PROOFS) > len(PROOFS) / 2


def test_a_bug_that_cannot_be_planted_is_an_error(tmp_path):
    proof = dataclasses.replace(SHORT, bug=("not in the text", ""))
    message = (
        "Proof pack_parts: the Verilog has no 'not in the text' to plant the bug in; "
        "mend `bug` in tests/formal/proofs.py"
    )
    with pytest.raises(ProofError, match=f"^{re.escape(message)}$"):
        check(proof, "bug", tmp_path)


def test_a_bug_that_changes_nothing_fails_the_proof(tmp_path):
    proof = dataclasses.replace(SHORT, bug=(r"assign", "assign"))
    with pytest.raises(ProofError, match="holds for 40 cycles with the planted bug"):
        check(proof, "bug", tmp_path)


@pytest.mark.parametrize(
    ("proof", "message"),
    [
        (SHORT, r"^Proof pack_parts: fails in cycle \d+; see "),
        (INDUCTIVE, r"^Proof weight_buffer: gave up after \d+ s; see "),
    ],
    ids=["searched", "by induction"],
)
def test_broken_hardware_is_not_proven(proof, message, tmp_path):
    right, wrong = proof.bug
    broken = re.sub(right, wrong, proof.verilog())
    with pytest.raises(ProofError, match=message):
        check(dataclasses.replace(proof, verilog=lambda: broken), "proof", tmp_path)


def test_a_probe_that_finds_nothing_is_an_error(tmp_path):
    proof = dataclasses.replace(INDUCTIVE, probes={"row": "nothing$#"})
    message = "The Verilog has no nothing$# to be looked at; mend `probes`"
    with pytest.raises(ProofError, match=f"^{re.escape(message)}$"):
        check(proof, "proof", tmp_path)
