#!/usr/bin/env python3
"""Print the public headers as declarations for ctypes: declarations.py INCLUDE > wkv/_c.py

The headers are the only description of the C interface, so their structs, enums and functions are read from them. The
parser knows the C of these headers and refuses the rest with the declaration.

    const char *                        c_char_p
    pointer to a struct with fields     POINTER(struct)
    const char *const *                 POINTER(c_char_p)
    pointer to a function               CFUNCTYPE
    any other pointer                   c_void_p, which takes the address of a numpy array, byref() and None
"""
import pathlib
import re
import sys

SCALARS = {"void": "None", "int": "c_int", "unsigned": "c_uint", "char": "c_char", "float": "c_float",
           "double": "c_double", "size_t": "c_size_t", "int32_t": "c_int32", "int64_t": "c_int64",
           "uint64_t": "c_uint64", "uint8_t": "c_uint8", "uint32_t": "c_uint32"}


class Reader:
    def __init__(self):
        self.structs, self.enums, self.functions = [], [], {}  # functions: typedefs of them
        self.constants, self.lines, self.table = {}, [], []

    # ---- types

    def type(self, base, stars):
        base = base.replace("const", "").replace("struct ", "").replace("enum ", "").strip()
        if not stars:
            if base in self.enums:
                return "c_int"
            if base in self.structs:
                return base
            if base not in SCALARS:
                raise SystemExit(f"declarations.py: unknown type {base}")
            return SCALARS[base]
        if base == "char" and stars <= 2:
            return "c_char_p" if stars == 1 else "POINTER(c_char_p)"
        if base in self.functions and stars == 1:
            return base
        return f"POINTER({base})" if base in self.structs and stars == 1 else "c_void_p"

    def size(self, text):
        return eval(text, {}, self.constants)  # an array's length: a number or a constant of the headers

    def declarators(self, text, argument=False):
        """(name, type) of each declarator: `const char *path, *format`, `int rank[5]`, `int (*report)(void *user)`"""
        callback = re.fullmatch(r"(.+?)\(\*(\w+)\)\((.*)\)", text)
        if callback:
            result, name, arguments = callback.groups()
            return [(name, self.function_type(result, arguments))]
        base, rest = re.match(r"((?:const |struct |enum )*\w+)\b(.*)", text).groups()
        out = []
        for part in rest.split(","):
            match = re.fullmatch(r"([\s*]|const\b)*(\w*)((?:\[[^\]]*\])*)", part.strip())
            if not match:
                raise SystemExit(f"declarations.py: cannot read: {text}")
            stars = part.count("*")
            lengths = re.findall(r"\[([^\]]*)\]", match[3])
            if argument and lengths:  # an array parameter is a pointer
                out.append((match[2], self.type(base, stars + 1)))
                continue
            kind = self.type(base, stars)
            for length in reversed(lengths):
                kind += f" * {self.size(length)}"
            out.append((match[2], kind))
        return out

    def arguments(self, text):
        parts, depth = [""], 0
        for char in text:
            depth += (char == "(") - (char == ")")
            if char == "," and not depth:
                parts.append("")
            else:
                parts[-1] += char
        parts = [p.strip() for p in parts]
        return [] if parts == ["void"] else [self.declarators(p, argument=True)[0][1] for p in parts]

    def function_type(self, result, arguments):
        kinds = [self.result(result)] + self.arguments(arguments)
        return f"CFUNCTYPE({', '.join(kinds)})"

    def result(self, text):
        text = text.strip()
        return self.type(text.rstrip("* ").strip(), text.count("*"))

    # ---- declarations

    def enumerate(self, body):
        value = -1
        for entry in filter(None, (e.strip() for e in body.split(","))):
            name, _, text = (p.strip() for p in entry.partition("="))
            value = self.size(text) if text else value + 1
            self.constants[name] = value
            self.lines.append(f"{name} = {value}")

    def declare(self, text):
        if text.startswith("WKV_API "):
            result, name, arguments = re.fullmatch(r"WKV_API (.*?)(\w+)\((.*)\)", text).groups()
            self.table.append(f'    "{name}": ({self.result(result)}, [{", ".join(self.arguments(arguments))}]),')
            return
        match = re.fullmatch(r"(?:typedef )?enum ?\w* ?\{(.*)\} ?(\w*)", text)
        if match:
            self.enumerate(match[1])
            self.enums += [match[2]] if match[2] else []
            return
        match = re.fullmatch(r"typedef struct ?\w* ?\{(.*)\} ?(\w+)", text)
        if match:
            fields = []
            for member in filter(None, (m.strip() for m in match[1].split(";"))):
                fields += [f'        ("{name}", {kind}),' for name, kind in self.declarators(member)]
            self.structs.append(match[2])
            self.lines += ["", "", f"class {match[2]}(Structure):", "    _fields_ = [", *fields, "    ]", ""]
            return
        match = re.fullmatch(r"typedef (\w+) (\w+)\((.*)\)", text)
        if match:
            self.functions[match[2]] = True
            self.lines.append(f"{match[2]} = {self.function_type(match[1], match[3])}")
            return
        if not re.fullmatch(r"(typedef )?struct \w+( \w+)?", text):  # an opaque one
            raise SystemExit(f"declarations.py: cannot read: {text}")

    def header(self, text):
        text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)
        self.lines += [f"{name} = {value}" for name, value in re.findall(r'#define (WKV_\w+) (".*")', text)]
        text = re.sub(r'^\s*#.*(?:\\\n.*)*$|extern "C" \{', "", text, flags=re.M)
        statement, depth = "", 0
        for char in text:
            depth += (char == "{") - (char == "}")
            if depth < 0:  # the end of extern "C"
                depth = 0
            elif char == ";" and not depth:
                self.declare(" ".join(statement.split()))
                statement = ""
            else:
                statement += char


def in_order(folder):
    """The headers, each after those that it includes."""
    order = []

    def visit(path):
        for name in re.findall(r'#include "(\w+\.h)"', path.read_text()):
            visit(folder / name)
        if path not in order:
            order.append(path)

    for path in sorted(folder.glob("wkv*.h")):
        visit(path)
    return order


def main():
    reader = Reader()
    for path in in_order(pathlib.Path(sys.argv[1])):
        reader.header(path.read_text())
    print('"""The C interface for ctypes, written by python/declarations.py from the public headers."""')
    print("from ctypes import (CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_float, c_int, c_int32,"
          "\n                    c_int64, c_size_t, c_uint, c_uint64, c_void_p)\n")
    print("\n".join(reader.lines))
    print("\n# name: (result, arguments)\nFUNCTIONS = {")
    print("\n".join(reader.table))
    print("}")


if __name__ == "__main__":
    main()
