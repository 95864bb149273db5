# default.nix - the package of Nix, from this tree: nix-build packaging/nix in the root of the clone.
{ pkgs ? import <nixpkgs> { } }:

pkgs.stdenv.mkDerivation {
  pname = "wkv";
  version = builtins.head (builtins.match ".*project\\(wkv VERSION ([0-9.]+) .*" (builtins.readFile ../../CMakeLists.txt));
  src = pkgs.lib.cleanSource ../..;

  nativeBuildInputs = with pkgs; [ cmake pkg-config ];
  buildInputs = with pkgs; [
    hiredis
    jansson
    libedit
    libmicrohttpd
    nettle
    ocl-icd
    opencl-headers
    pcre2
    sqlite
    utf8proc
    zlib
    zstd
  ];

  # Folders below the prefix, as wkv.pc and the search for plug-ins have them.
  cmakeFlags = [
    "-DCMAKE_INSTALL_LIBDIR=lib"
    "-DCMAKE_INSTALL_INCLUDEDIR=include"
    "-DWKV_MPI=OFF"
  ];
  buildPhase = "cmake --build . --parallel $NIX_BUILD_CORES --target dist";
  checkPhase = "./wkv selftest";
  doCheck = true;
  installPhase = "cmake --install .";

  meta = {
    description = "RWKV language models: chat, serve, train, evaluate and look inside";
    license = pkgs.lib.licenses.asl20;
    platforms = pkgs.lib.platforms.linux;
    mainProgram = "wkv";
  };
}
