# fuzz/NAME_fuzz.c is a harness (LLVMFuzzerTestOneInput) of the parsers of one kind of outside bytes; the program is
# bin/fuzz_NAME. With POSTERN_FUZZ (clang) it is a libFuzzer program, else a driver hands it the inputs of its corpus. The
# test replays fuzz/corpus/NAME either way: add an input there for every crash that was found.
function(postern_fuzz name)
  set(target fuzz_${name})
  set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
  add_executable(${target} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${name}_fuzz.c)
  target_link_libraries(${target} PRIVATE ${ARGN} postern_options)
  if(POSTERN_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    add_test(NAME fuzz.${name} COMMAND ${target} -runs=0 -rss_limit_mb=2048 ${corpus})
  else()
    target_sources(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/replay.c)
    add_test(NAME fuzz.${name} COMMAND ${target} ${corpus})
  endif()
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT ${POSTERN_TEST_TIMEOUT_S})
endfunction()

postern_fuzz(frame room_transport)
postern_fuzz(request room_rpc)
postern_fuzz(token room_key)
postern_fuzz(limit room_limit)
postern_fuzz(text room_key room_account)
postern_fuzz(record room_registry room_meter room_usage)
