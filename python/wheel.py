#!/usr/bin/env python3
"""Write the Python package as a wheel: wheel.py BUILD [FOLDER]. `make wheel` builds the library in BUILD first.

A wheel is a zip of the package and its metadata; equal input gives equal bytes. Beside the package it has

    Linux    libwkv.so without debug information, every library that it needs and that is not part of glibc, and the
             devices' plug-ins; the platform's tag is computed from the versions of the glibc symbols in use
    Windows  wkv.dll, which needs libraries of the system alone
    macOS    libwkv.dylib, which needs libSystem alone (make macos)

and the licences of all of them.
"""
import base64
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tools"))
import macho  # noqa: E402
WINDOWS = {"advapi32", "bcrypt", "kernel32", "msvcrt", "psapi", "shell32", "user32", "ws2_32"}  # libraries of the system
GLIBC = re.compile(r"(libc|libm|libdl|libpthread|librt|ld-linux[a-z0-9_-]*)\.so\.\d+$")
# e_machine of an ELF header: the name in the platform's tag, and GNU's, with which its tools begin on other machines
MACHINES = {b"\x3e\x00": ("x86_64", "x86_64-linux-gnu"), b"\xb7\x00": ("aarch64", "aarch64-linux-gnu"),
            b"\x28\x00": ("armv7l", "arm-linux-gnueabihf"), b"\xf3\x00": ("riscv64", "riscv64-linux-gnu")}

METADATA = """Metadata-Version: 2.1
Name: wkv
Version: {version}
Summary: RWKV language models of versions 4 to 7: run, chat, score, probe; no compiler, no GPU
License: Apache-2.0
Classifier: License :: OSI Approved :: Apache Software License
Classifier: Operating System :: {system}
Classifier: Programming Language :: Python :: 3
Classifier: Typing :: Typed
Requires-Python: >=3.8
Requires-Dist: numpy
Provides-Extra: lm-eval
Requires-Dist: lm_eval>=0.4; extra == "lm-eval"
Description-Content-Type: text/markdown

{description}"""


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def refuse(sentence):
    raise SystemExit(f"wheel.py: {sentence}")


def needed(library):
    """The libraries that this one needs, and that are not part of glibc: {name: path}."""
    names = re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", str(library)))
    names = [name for name in names if not GLIBC.match(name)]
    paths = dict(re.findall(r"(\S+) => (/\S+)", output("ldd", str(library)))) if names else {}
    for name in names:
        if name not in paths:
            refuse(f"{library} needs {name}, which is not here")
    return {name: pathlib.Path(paths[name]) for name in names}


def glibc(libraries):
    """The newest version of glibc whose symbols are used, as (2, 34)."""
    versions = re.findall(r"GLIBC_(\d+)\.(\d+)", "".join(output("readelf", "-V", str(path)) for path in libraries))
    if not versions:
        refuse("the library is not linked with glibc, for which wheels of this form are")
    return max((int(major), int(minor)) for major, minor in versions)


def licences(libraries):
    """{file: text} of the packages that these files are of: Debian keeps the texts in doc/PACKAGE/copyright and
    common-licenses, Fedora and Arch in licenses/PACKAGE/, tools/libraries.sh in licenses/ beside its lib/."""
    share, out = pathlib.Path("/usr/share"), {}
    for library in libraries:
        paths = [str(library), str(library).replace("/usr/lib", "/lib", 1)]  # /lib is a link to /usr/lib
        stem = re.match(r"lib(\w+)", library.name)[1]
        built = library.parent.parent / "licenses"
        texts = [built / package for package in (stem, f"lib{stem}", f"{stem}lib")]
        for command in (["dpkg-query", "-S"], ["rpm", "-qf", "--qf", "%{NAME}:"], ["pacman", "-Qqo"]):
            for path in paths:
                try:
                    package = re.split(r"[:\s]", output(*command, path))[0]
                except (OSError, subprocess.CalledProcessError):
                    continue
                texts += [share / "doc" / package / "copyright"]
                texts += sorted((share / "licenses" / package).glob("*"))
        texts = [text for text in texts if text.is_file()]
        if not texts:
            refuse(f"{library} would be part of the wheel, and its licence is not in {share}/doc or {share}/licenses")
        for text in texts:
            out[f"{library.name.split('.')[0]}.txt"] = data = text.read_bytes()
            for name in re.findall(rb"/usr/share/common-licenses/([A-Za-z0-9.-]*[A-Za-z0-9])", data):
                common = share / "common-licenses" / name.decode()
                out[f"{name.decode()}.txt"] = common.read_bytes()
    return out


def of_linux(main, build, work):
    machine, gnu = MACHINES.get(main.read_bytes()[18:20]) or refuse(f"{main} is of an unknown machine")
    objcopy = shutil.which(f"{gnu}-objcopy") or "objcopy"
    libraries = {main.name: main, **needed(main), **{p.name: p for p in build.glob("libwkv-*.so")}}
    stripped = {name: work / name for name in libraries}
    for name, path in libraries.items():
        subprocess.run([objcopy, "--strip-unneeded", "--remove-section=.note.gnu.build-id",  # which has the folder
                        str(path.resolve()), str(stripped[name])], check=True)
    major, minor = glibc(libraries.values())
    return {name: path.read_bytes() for name, path in stripped.items()}, f"manylinux_{major}_{minor}_{machine}"


def of_windows(main, *_):
    names = re.findall(r"DLL Name: (\S+)\.dll", output("x86_64-w64-mingw32-objdump", "-p", str(main)), re.I)
    outside = [name for name in names if name.lower() not in WINDOWS]
    if outside:
        refuse(f"{main} needs {outside[0]}.dll, which is no part of Windows")
    return {main.name: main.read_bytes()}, "win_amd64"


def of_macos(main, *_):
    facts = macho.read(main)
    if facts["needed"] != [macho.SYSTEM]:
        refuse(f"{main} needs {', '.join(facts['needed'])}, expected {macho.SYSTEM} alone; make macos on Linux builds one")
    return {main.name: main.read_bytes()}, f"macosx_{facts['first'].replace('.', '_')}_{facts['processor']}"


# The library, in the build folder: what it is for, and how it becomes a part of the wheel
LIBRARIES = {"python/libwkv.so": ("POSIX :: Linux", of_linux), "python/wkv.dll": ("Microsoft :: Windows", of_windows),
             "libwkv.dylib": ("MacOS", of_macos)}


def package():
    """{name in the wheel: bytes} of the package without its library, and its version."""
    files = {}
    for path in sorted((HERE / "wkv").rglob("*")):
        if path.suffix == ".py" or path.name == "py.typed":
            files[str(path.relative_to(HERE))] = path.read_bytes()
    declarations = output(sys.executable, str(HERE / "declarations.py"), str(ROOT / "include"))
    files["wkv/_c.py"] = declarations.encode()
    return files, re.search(r'^WKV_VERSION = "(.*)"$', declarations, re.M)[1]


def record(files, folder):
    """The list of all files with their hashes, which the format of wheels requires."""
    lines = []
    for name, data in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}")
    return "\n".join(lines + [f"{folder}/RECORD,,"]) + "\n"


def main():
    build = pathlib.Path(sys.argv[1])
    library = next((name for name in LIBRARIES if (build / name).exists()), None)
    if not library:
        refuse(f"{build} has none of {', '.join(LIBRARIES)}; make wheel builds it")
    system, read = LIBRARIES[library]
    files, version = package()
    with tempfile.TemporaryDirectory() as work:
        libraries, platform = read(build / library, build, pathlib.Path(work))
    files.update({f"wkv/{name}": data for name, data in libraries.items()})
    folder = f"wkv-{version}.dist-info"
    linked = [pathlib.Path(p) for p in (build / "python" / "libraries.txt").read_text().split()]
    texts = {"LICENSE": (ROOT / "LICENSE").read_bytes(), **licences(linked)}
    files.update({f"{folder}/licenses/{name}": text for name, text in texts.items()})
    description = (ROOT / "docs" / "python.md").read_text()
    files[f"{folder}/METADATA"] = METADATA.format(version=version, system=system, description=description).encode()
    files[f"{folder}/WHEEL"] = ("Wheel-Version: 1.0\nGenerator: wkv\nRoot-Is-Purelib: false\n"
                                f"Tag: py3-none-{platform}\n").encode()
    files[f"{folder}/RECORD"] = record(files, folder).encode()

    to = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else build) / f"wkv-{version}-py3-none-{platform}.whl"
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name in sorted(files, key=lambda name: (name.startswith(folder), name)):  # the metadata last
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if name.split("/")[-1] in libraries else 0o100644) << 16
            wheel.writestr(entry, files[name])
    print(to)


if __name__ == "__main__":
    main()
