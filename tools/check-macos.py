#!/usr/bin/env python3
"""Read what a build for macOS has made, where nothing can run it: check-macos.py BUILD.

Each program and library must be for one processor, say the first macOS that it runs on, need libSystem alone, and on
Apple's processors be signed (ad hoc), without which the system refuses it. A library is found by @rpath, and
libwkv.dylib exports wkv_* alone.
"""
import pathlib
import struct
import sys

MAGIC = 0xFEEDFACF  # 64 bits, of this byte order
PROCESSORS = {0x0100000C: "arm64", 0x01000007: "x86_64"}
PROGRAM, LIBRARY = 2, 6  # types of a file
SYMBOLS, NEEDED, OWN_NAME, SIGNATURE, BUILT_FOR = 0x2, 0xC, 0xD, 0x1D, 0x32  # load commands
SYSTEM = "/usr/lib/libSystem.B.dylib"
OF_LINKER = {"___dso_handle", "__mh_dylib_header"}  # zig's linker gives them to every library


def text(data, at):
    return data[at : data.index(0, at)].decode()


def exported(data, at):
    """Names that other files can use: external, defined, not private."""
    table, count, strings = struct.unpack_from("<3I", data, at + 8)
    for k in range(count):
        name, kind = struct.unpack_from("<IB", data, table + 16 * k)
        if not kind & 0xE0 and not kind & 0x10 and kind & 0x01 and kind & 0x0E:
            yield text(data, strings + name)


def read(path):
    """The facts of a program or library of Mach-O; None for other files."""
    data = path.read_bytes()
    if len(data) < 32 or struct.unpack_from("<I", data)[0] != MAGIC:
        return None
    _, processor, _, kind, commands = struct.unpack_from("<5I", data)
    if kind not in (PROGRAM, LIBRARY):
        return None
    facts = {"processor": PROCESSORS.get(processor), "needed": [], "signed": False, "names": set()}
    at = 32
    for _ in range(commands):
        command, size = struct.unpack_from("<2I", data, at)
        if command == NEEDED:
            facts["needed"].append(text(data, at + struct.unpack_from("<I", data, at + 8)[0]))
        elif command == OWN_NAME:
            facts["name"] = text(data, at + struct.unpack_from("<I", data, at + 8)[0])
        elif command == BUILT_FOR:
            first = struct.unpack_from("<I", data, at + 12)[0]
            facts["first"] = f"{first >> 16}.{first >> 8 & 255}"
        elif command == SIGNATURE:
            facts["signed"] = True
        elif command == SYMBOLS:
            facts["names"] = set(exported(data, at)) - OF_LINKER
        at += size
    return facts


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
