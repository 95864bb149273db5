# wkv.rb - the formula of Homebrew on Linux. tools/release.sh fills in the words between @ and puts it beside the archive
# of the sources: brew install --formula ./wkv.rb.
class Wkv < Formula
  desc "RWKV language models: chat, serve, train, evaluate and look inside"
  homepage "@URL@"
  url "@URL@/wkv-@VERSION@.tar.gz"
  sha256 "@SHA256@"
  license "Apache-2.0"

  depends_on "cmake" => :build
  depends_on "opencl-headers" => :build
  depends_on "pkgconf" => :build
  depends_on "hiredis"
  depends_on "jansson"
  depends_on "libedit"
  depends_on "libmicrohttpd"
  depends_on :linux
  depends_on "nettle"
  depends_on "opencl-icd-loader"
  depends_on "pcre2"
  depends_on "sqlite"
  depends_on "utf8proc"
  depends_on "zlib"
  depends_on "zstd"

  def install
    system "cmake", "-S", ".", "-B", "build", "-DWKV_MPI=OFF", *std_cmake_args
    system "cmake", "--build", "build", "--target", "dist"
    system "cmake", "--install", "build"
  end

  service do
    run [opt_bin/"wkv", "serve", "--port", "8080"]
    keep_alive true
  end

  test do
    assert_equal "wkv #{version}", shell_output("#{bin}/wkv --version").strip
    system bin/"wkv", "selftest"
  end
end
