#ifndef FTPSFS_CFUZZER_H
#define FTPSFS_CFUZZER_H

#include <stddef.h>
#include <stdint.h>

/// The entry point of libFuzzer (https://llvm.org/docs/LibFuzzer.html, "Using libFuzzer as a library").
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));

#endif
