#!/usr/bin/env python3
"""Read what a build for macOS has made, where nothing can run it: check-macos.py BUILD.

Each program and library must be for one processor, say the first macOS that it runs on, need libSystem alone, and on
Apple's processors be signed (ad hoc), without which the system refuses it. A library is found by @rpath, and
libwkv.dylib exports wkv_* alone.
"""
import pathlib
import sys

from macho import SYSTEM, read


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: check-macos.py BUILD")
    build = pathlib.Path(sys.argv[1])
    files = {p.name: p for p in sorted(build.iterdir()) if p.is_file() and not p.is_symlink()}
    found = {name: facts for name, path in files.items() if (facts := read(path))}
    library = "libwkv.dylib"
    real = (build / library).resolve().name
    wrong = []
    for name in ("wkv", real):
        if name not in found:
            wrong.append(f"{build}/{name}: missing, or not of macOS")
    for name, facts in found.items():
        if facts["needed"] != [SYSTEM]:
            wrong.append(f"{name}: needs {', '.join(facts['needed']) or 'nothing'}, expected {SYSTEM} alone")
        if not facts["processor"] or "first" not in facts:
            wrong.append(f"{name}: found the processor {facts['processor']}, no first version of macOS")
        if not facts.get("name", "@rpath/").startswith("@rpath/"):
            wrong.append(f"{name}: programs would look for {facts['name']}, expected @rpath/")
        if facts["processor"] == "arm64" and not facts["signed"]:
            wrong.append(f"{name}: not signed, so that the system would refuse it")
    others = sorted(n for n in found.get(real, {"names": ()})["names"] if not n.startswith("_wkv_"))
    if others:
        wrong.append(f"{library}: exports {', '.join(others[:5])}, expected wkv_* alone")
    kinds = {(f["processor"], f.get("first")) for f in found.values()}
    if len(kinds) != 1:
        wrong.append(f"{build}: found files for {sorted(map(str, kinds))}, expected one kind")
    if wrong:
        sys.exit("\n".join(wrong))
    processor, first = kinds.pop()
    tests = [n for n in found if n.startswith(("test_", "double_"))]
    size = files["wkv"].stat().st_size / 1e6
    count = len(found[real]["names"])
    print(f"{build}/wkv ({size:.1f} MB) and {library} ({count} names, all wkv_*) are for {processor} and macOS {first} "
          "or later, and need libSystem alone.")
    print(f"{len(tests)} test programs are built; none ran, since this is not macOS.")


main()
