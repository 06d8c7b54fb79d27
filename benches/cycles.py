"""How many cycles the innermost loops take that have an instruction, by LLVM's models of processors.

Reads assembly as `rustc --emit asm` writes it, and asks llvm-mca:

    python benches/cycles.py FILE.s INSTRUCTION TRIPLE PROCESSOR...
"""

import re
import shutil
import subprocess
import sys

LABEL = re.compile(r"^(\.L\w+):")
JUMP = re.compile(r"^\s+(?:b\.\w+|cbn?z|tbn?z|b|j\w+)\s.*?(\.L\w+)$")
INSTRUCTION = re.compile(r"^\s+[a-z]")


def innermost_loops(lines):
    """The instructions between a label and a jump back to it, where no other label is between."""
    label, start = None, 0
    for number, line in enumerate(lines):
        if found := LABEL.match(line):
            label, start = found[1], number + 1
        elif (found := JUMP.match(line)) and found[1] == label:
            yield [line for line in lines[start : number + 1] if INSTRUCTION.match(line)]


def cycles(loop, triple, processor):
    mca = shutil.which("llvm-mca-22") or "llvm-mca"
    code = ".Lloop:\n" + re.sub(r"\.L\w+$", ".Lloop", "\n".join(loop), flags=re.M) + "\n"
    command = [mca, f"-mtriple={triple}", f"-mcpu={processor}", "-iterations=1000"]
    told = subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout
    return int(re.search(r"Total Cycles:\s+(\d+)", told)[1]) / 1000


file, instruction, triple, *processors = sys.argv[1:]
with open(file) as lines:
    loops = list(innermost_loops(lines.read().splitlines()))
for loop in loops:
    times = sum(instruction in line for line in loop)
    if times:
        told = ", ".join(f"{cycles(loop, triple, of):.1f} on {of}" for of in processors)
        print(f"{len(loop)} instructions, {times} of them {instruction}: cycles {told}")
