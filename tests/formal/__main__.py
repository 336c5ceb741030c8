"""Runs the proofs, their cover statements and planted bugs: `python -m tests.formal [NAME...]`."""

import sys
from pathlib import Path

from .proofs import PROOFS
from .runner import VARIANTS, ProofError, check

ROOT = Path("build/formal")


def main(names: list[str]) -> int:
    """Run the named proofs, or all; the number of those that fail."""
    known = {proof.name: proof for proof in PROOFS}
    if unknown := [name for name in names if name not in known]:
        print(f"No proof is called {', '.join(unknown)}; known are {', '.join(known)}")
        return 2
    failures = []
    for proof in (known[name] for name in names) if names else PROOFS:
        for variant in VARIANTS:
            try:
                verdict = check(proof, variant, ROOT)
            except ProofError as error:
                failures.append(str(error))
                print(error, flush=True)
                continue
            depth = "" if verdict.frames is None else f", cycle {verdict.frames}"
            print(f"{proof.name:<20} {variant:<6} {verdict.seconds:5.1f} s{depth}", flush=True)
    print(f"{len(failures)} failed" if failures else "All proofs hold; all bugs are found.")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
