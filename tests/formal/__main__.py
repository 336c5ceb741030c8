"""Runs the proofs, their cover statements and planted bugs: `python -m tests.formal [NAME...]`.

`--part 4 --seed 7` runs so many of them, drawn by the seed. If all of them run and none fails, the
table in docs/verification/formal.md is written anew; as a step of `make verify`, the figures go to
the file that VERIFY_JSON names instead.
"""

import argparse
import json
import os
import random
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.formal.proof import INDUCTION, Proof
from tests.formal.proofs import PROOFS
from tests.formal.runner import VARIANTS, ProofError, Verdict, check
from truncmac.golden.files import write_bytes

ROOT = Path("build/formal")
DOCUMENT = Path("docs/verification/formal.md")
START, END = "<!-- proofs -->\n", "<!-- /proofs -->"


def main() -> int:
    """Run the named proofs, or all, or some; exit code 1 if one fails."""
    known = {proof.name: proof for proof in PROOFS}
    parser = argparse.ArgumentParser(prog="python -m tests.formal", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--part", type=int, help="run so many proofs, drawn by the seed")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (%(default)s)")
    options = parser.parse_args()
    names = options.names
    if unknown := [name for name in names if name not in known]:
        print(f"No proof is called {', '.join(unknown)}; known are {', '.join(known)}")
        return 2
    if options.part is not None:
        names = random.Random(options.seed).sample(list(known), min(options.part, len(known)))
    failures = 0
    verdicts: dict[str, dict[str, Verdict]] = {}
    proofs = [known[name] for name in names] or PROOFS
    for proof in proofs:
        for variant in VARIANTS:
            try:
                verdict = check(proof, variant, ROOT)
            except ProofError as error:
                failures += 1
                print(error, flush=True)
                continue
            verdicts.setdefault(proof.name, {})[variant] = verdict
            depth = "" if verdict.frames is None else f", cycle {verdict.frames}"
            print(f"{proof.name:<14} {variant:<6} {verdict.seconds:5.1f} s{depth}", flush=True)
    print(f"{failures} failed" if failures else "All proofs hold; all planted bugs are found.")
    if place := os.environ.get("VERIFY_JSON"):
        write_bytes(Path(place), json.dumps(figures(len(proofs), verdicts), indent=1).encode())
    elif not names and not failures:
        before, _, rest = DOCUMENT.read_text().partition(START)
        after = rest.partition(END)[2]
        text = f"{before}{START}\n{table(verdicts)}\n{END}{after}"
        write_bytes(DOCUMENT, text.encode())
    return bool(failures)


def figures(count: int, verdicts: Mapping[str, Mapping[str, Verdict]]) -> dict[str, int]:
    """Of `make verify`: proofs that ran, hold and have no bound; covers reached; bugs found."""
    held = [proof for proof in PROOFS if "proof" in verdicts.get(proof.name, {})]
    return {
        "proofs": count,
        "held": len(held),
        "unbounded": sum(proof.depth is None for proof in held),
        "covers": sum("cover" in found for found in verdicts.values()),
        "bugs": sum("bug" in found for found in verdicts.values()),
    }


def table(verdicts: Mapping[str, Mapping[str, Verdict]]) -> str:
    """What is proven, as Markdown."""
    lines = [
        "| proof | what | of | how | seconds | cover reached, bug found in cycle |",
        "|---|---|---|---|---|---|",
    ]
    for proof in PROOFS:
        found = verdicts[proof.name]
        reached = f"{found['cover'].frames}, {found['bug'].frames}"
        lines.append(
            f"| {proof.name} | {proof.about} | {proof.hardware} | {how(proof)} "
            f"| {found['proof'].seconds:.0f} | {reached} |"
        )
    return "\n".join(lines) + "\n"


def how(proof: Proof) -> str:
    """Unbounded or to which depth, and by what."""
    if proof.depth is not None:
        return f"{proof.depth} cycles, bmc3"
    return "unbounded, induction" if proof.engine == INDUCTION else "unbounded, pdr"


if __name__ == "__main__":
    sys.exit(main())
