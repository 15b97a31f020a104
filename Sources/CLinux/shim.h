#ifndef FTPSFS_CLINUX_SHIM_H
#define FTPSFS_CLINUX_SHIM_H

// System calls of Linux that Swift's Glibc module does not offer, or that are variadic. No header that brings in sys/types.h belongs
// here: _GNU_SOURCE changes fd_set, which other modules have in its usual form, and the compiler refuses two forms of one type.
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <linux/falloc.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Makes a lowered event counter, close-on-exec and non-blocking; -1 with errno on failure.
static inline int ftpsfs_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

/// Names the calling thread for debuggers; at most 15 bytes are kept.
static inline void ftpsfs_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/// Forbids (0) or allows (1) core files and tracing of this process.
static inline int ftpsfs_set_dumpable(int dumpable) { return prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0); }

/// Makes the kernel send a signal to this process when its parent ends.
static inline int ftpsfs_die_with_parent(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

/// Makes free(3) give memory of at least a number of bytes back to the system at once; without it glibc takes the size of such memory
/// for a reason to keep the next.
static inline void ftpsfs_return_memory_from(int bytes) { mallopt(M_MMAP_THRESHOLD, bytes); }

/// Makes a pipe whose ends are close-on-exec.
static inline int ftpsfs_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

/// getxattr(2), by number because of what its header brings in.
static inline long ftpsfs_getxattr(const char *path, const char *name, void *value, unsigned long size) {
    return syscall(SYS_getxattr, path, name, value, size);
}

/// Takes a connection that waits, close-on-exec and non-blocking; -1 with errno on failure.
static inline int ftpsfs_accept(int listener, void *address, uint32_t *length) {
    // By number, for the types of sys/socket.h are Swift's own; the flags have the values of SOCK_CLOEXEC and SOCK_NONBLOCK.
    return (int)syscall(SYS_accept4, listener, address, length, O_CLOEXEC | O_NONBLOCK);
}

/// Renames without replacing an existing target.
static inline int ftpsfs_rename_noreplace(const char *from, const char *to) {
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

/// Renames between two open directories without replacing an existing target.
static inline int ftpsfs_rename_noreplace_at(int from, const char *name, int to, const char *new_name) {
    return renameat2(from, name, to, new_name, RENAME_NOREPLACE);
}

/// Takes the lock of a whole file for its open file description; -1 with errno on failure.
static inline int ftpsfs_lock(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(descriptor, F_OFD_SETLK, &lock);
}

/// Whether that lock is another open file description's: 1 or 0; -1 with errno on failure.
static inline int ftpsfs_is_locked(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int result = fcntl(descriptor, F_OFD_GETLK, &lock);
    return result == -1 ? -1 : lock.l_type != F_UNLCK;
}

/// Reserves disk space for a range of a file; its length and bytes stay.
static inline int ftpsfs_reserve(int descriptor, int64_t offset, int64_t length) {
    return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, offset, length);
}

/// Frees the blocks of a range of a file; the range reads as zeros afterwards.
static inline int ftpsfs_punch_hole(int descriptor, int64_t offset, int64_t length) {
    return fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

/// The process's environment; not to be read while another thread changes it.
static inline char **ftpsfs_environment(void) { return environ; }

/// Forbids core files, now and for programs started later; -1 with errno on failure.
static inline int ftpsfs_forbid_core_files(void) {
    // By number: sys/resource.h declares an enumeration that differs between Swift's view of the C library and this one.
    const uint64_t none[2] = {0, 0};
    const int core = 4; // RLIMIT_CORE
    return (int)syscall(SYS_prlimit64, 0, core, none, (void *)0);
}

/// How many files this process may have open.
static inline uint64_t ftpsfs_file_limit(void) {
    uint64_t limits[2] = {1024, 1024};
    const int files = 7; // RLIMIT_NOFILE, by number for the same reason
    syscall(SYS_prlimit64, 0, files, (void *)0, limits);
    return limits[0];
}

/// How many bytes of address space this process may use; UINT64_MAX for any number.
static inline uint64_t ftpsfs_address_space_limit(void) {
    uint64_t limits[2] = {UINT64_MAX, UINT64_MAX};
    const int addressSpace = 9; // RLIMIT_AS
    syscall(SYS_prlimit64, 0, addressSpace, (void *)0, limits);
    return limits[0];
}

/// Has all threads share one arena of the allocator, and those started from now on have stacks of so many bytes.
static inline void ftpsfs_spare_address_space(size_t stack) {
    mallopt(M_ARENA_MAX, 1);
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return;
    if (pthread_attr_setstacksize(&attributes, stack) == 0) pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
}

/// Allows this process as many open files as it may allow itself, `most` of them at the most; a greater number stays.
static inline void ftpsfs_raise_file_limit(uint64_t most) {
    uint64_t limits[2] = {0, 0};
    const int files = 7; // RLIMIT_NOFILE
    if (syscall(SYS_prlimit64, 0, files, (void *)0, limits) != 0) return;
    const uint64_t wanted = limits[1] < most ? limits[1] : most;
    if (wanted <= limits[0]) return;
    limits[0] = wanted;
    syscall(SYS_prlimit64, 0, files, limits, (void *)0);
}

#endif
