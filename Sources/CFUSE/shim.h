#ifndef FTPSFS_CFUSE_SHIM_H
#define FTPSFS_CFUSE_SHIM_H

// libfuse's low-level interface, and stand-ins for what Swift cannot import: macros with arguments, and functions that are
// macros in some versions. _GNU_SOURCE must stay undefined: it changes types that Swift's Glibc module has too.
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <linux/falloc.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// RENAME_NOREPLACE of renameat2(2): stdio.h has it with _GNU_SOURCE only, and linux/fs.h clashes with sys/mount.h.
static const unsigned ftpsfs_rename_noreplace_flag = 1;
static const int ftpsfs_keep_size_flag = FALLOC_FL_KEEP_SIZE;
static const int ftpsfs_punch_hole_flag = FALLOC_FL_PUNCH_HOLE;
static const int ftpsfs_zero_range_flag = FALLOC_FL_ZERO_RANGE;

/// Makes a session; a function in libfuse 3.14, a macro later. NULL on failure.
static inline struct fuse_session *ftpsfs_session_new(struct fuse_args *arguments,
                                                      const struct fuse_lowlevel_ops *operations, void *userdata) {
    return fuse_session_new(arguments, operations, sizeof(*operations), userdata);
}

/// Runs the loop on several threads; a versioned symbol or a macro, as libfuse was built.
static inline int ftpsfs_session_loop_mt(struct fuse_session *session, struct fuse_loop_config *config) {
    return fuse_session_loop_mt(session, config);
}

/// Asks for a capability where the kernel offers it; to ask for one that it does not offer fails the mount.
static inline void ftpsfs_want(struct fuse_conn_info *connection, unsigned capability) {
#if FUSE_VERSION >= 317
    if (connection->capable_ext & capability) fuse_set_feature_flag(connection, capability);
#else
    connection->want |= connection->capable & capability;
#endif
}

/// Gives up a capability that libfuse asks for by itself.
static inline void ftpsfs_decline(struct fuse_conn_info *connection, unsigned capability) {
#if FUSE_VERSION >= 317
    fuse_unset_feature_flag(connection, capability);
#else
    connection->want &= ~capability;
#endif
}

/// Whether libfuse asks for all capabilities of the kernel that it is told to ask for. Before 3.17 it forgets to ask for parallel
/// directory operations, and does not know the second form of giving up setuid bits.
static inline bool ftpsfs_asks_for_all(void) { return FUSE_VERSION >= 317; }
#ifdef FUSE_CAP_HANDLE_KILLPRIV_V2
static const unsigned ftpsfs_killpriv_capability = FUSE_CAP_HANDLE_KILLPRIV_V2;
#else
static const unsigned ftpsfs_killpriv_capability = 0;
#endif

/// Makes a pair of sockets that keep messages apart, close-on-exec; -1 with errno on failure.
static inline int ftpsfs_message_pair(int ends[2]) { return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends); }

/// Makes a descriptor stand for another open file, close-on-exec; -1 with errno on failure.
static inline int ftpsfs_redirect(int descriptor, int file) { return syscall(SYS_dup3, file, descriptor, O_CLOEXEC); }

/// Detaches a mount from the tree at once, without following a symbolic link; -1 with errno on failure.
static inline int ftpsfs_detach(const char *path) { return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW); }

/// Unmounts without following a symbolic link, failing with EBUSY while the mount is in use; -1 with errno on failure.
static inline int ftpsfs_unmount(const char *path) { return umount2(path, UMOUNT_NOFOLLOW); }

#endif
