# Writes `output`, a C++ file that defines codegen::emitter_version: a hash of every source that
# decides what code a kernel becomes. Called with -D source=... -D output=... -D compiler=...
file(GLOB_RECURSE files RELATIVE ${source} ${source}/ir/*.cpp ${source}/ir/*.h ${source}/codegen/*.cpp
     ${source}/codegen/*.h ${source}/frontend/include/weft/dtype.h)
list(SORT files)
set(all "${compiler}")
foreach(file IN LISTS files)
  file(SHA256 ${source}/${file} hash)
  string(APPEND all "\n${file} ${hash}")
endforeach()
string(SHA256 version "${all}")
file(CONFIGURE OUTPUT ${output} CONTENT "#include \"codegen/jit.h\"

namespace weft::codegen {
std::string_view emitter_version() { return \"${version}\"; }
}  // namespace weft::codegen
")
