#ifndef FTPSFS_CFUSE_SHIM_H
#define FTPSFS_CFUSE_SHIM_H

// libfuse's low-level interface, and stand-ins for the macros that Swift cannot import.
#define _GNU_SOURCE 1
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#endif
