"""Read programs and libraries of macOS (Mach-O, 64 bits)."""
import struct

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
