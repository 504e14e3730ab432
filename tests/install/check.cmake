# Installs Weft into a prefix inside the build folder, builds consumer.cpp against it, runs it, and
# looks at what libweft.so exports. Called with -D build=... -D cxx=... -D nm=...
cmake_minimum_required(VERSION 3.25)
set(prefix ${build}/install_test/prefix)
set(work ${build}/install_test/consumer)
file(REMOVE_RECURSE ${build}/install_test)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE failed OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(failed)
    message(FATAL_ERROR "${ARGN}\n${out}")
  endif()
  set(output "${out}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${build} --prefix ${prefix})
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${work} -G Ninja
    -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${cxx})
run(${CMAKE_COMMAND} --build ${work})
run(${work}/consumer)
string(CONCAT expected "tensor([4., 8.])\nadd: operand 1 has shape [3], expected one that "
       "broadcasts with [2] (axis 0: 3 against 2), at consumer.cpp:11\n")
if(NOT output STREQUAL expected)
  message(FATAL_ERROR "expected\n${expected}got\n${output}")
endif()

# Every exported symbol is Weft's: no LLVM, no C++ library, nothing of the inner folders.
file(GLOB library ${prefix}/lib*/libweft.so ${prefix}/lib/*/libweft.so)
run(${nm} --dynamic --defined-only --demangle ${library})
string(REGEX REPLACE "\n$" "" output "${output}")
string(REPLACE ";" "," output "${output}")
string(REPLACE "\n" ";" symbols "${output}")
foreach(symbol IN LISTS symbols)
  if(NOT symbol MATCHES "weft::" OR symbol MATCHES " weft::(ir|passes|codegen|runtime)::")
    message(FATAL_ERROR "libweft.so exports ${symbol}")
  endif()
endforeach()
list(LENGTH symbols count)
message(STATUS "libweft.so exports ${count} symbols, all of them Weft's")
