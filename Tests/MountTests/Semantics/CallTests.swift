import TestSupport
import Testing

/// The section CALLS of man/ftpsfs-semantics.7, as far as no other suite has it.
@Suite(.enabled(if: Program.canMount)) struct CallTests {
    @Test("S101, S102, S113, S114, S115: opening in odd ways, running, closing and synchronising")
    func opening() throws {
        try withMount(Semantics.server) { mount in
            try Semantics.run(
                mount,
                """
                import subprocess
                # S101
                fails(errno.EOPNOTSUPP, os.open, M, os.O_TMPFILE | os.O_WRONLY)

                # S102
                data = random.Random(2).randbytes(100000); put(f'{M}/f', data)
                fd = os.open(f'{M}/f', os.O_RDWR | os.O_DIRECT)
                page = mmap.mmap(-1, 8192); assert os.preadv(fd, [page], 4096) == 8192 and page[:] == data[4096:12288]
                page[:] = b'd' * 8192; assert os.pwritev(fd, [page], 8192) == 8192; os.close(fd)
                data = data[:8192] + b'd' * 8192 + data[16384:]
                assert get(D + '/f') == data and get(f'{M}/f') == data

                # S113
                put(f'{M}/run', b'#!/bin/sh\\necho ran\\n')
                os.chmod(f'{M}/run', 0o644); fails(errno.EACCES, subprocess.run, [f'{M}/run'])
                os.chmod(f'{M}/run', 0o755)
                assert subprocess.run([f'{M}/run'], capture_output=True, check=True).stdout == b'ran\\n'

                # S114
                fd = os.open(f'{M}/copies', os.O_WRONLY | os.O_CREAT); copy = os.dup(fd)
                os.write(fd, b'one'); os.close(copy); assert get(D + '/copies') == b'one'
                os.write(fd, b'two'); os.close(fd); assert get(D + '/copies') == b'onetwo'

                # S115
                fd = os.open(M, os.O_RDONLY | os.O_DIRECTORY); os.fsync(fd); os.fdatasync(fd); os.close(fd)
                """)
        }
    }

    @Test("S126: the root and the file system are looked at without the server, by df too")
    func withoutServer() throws {
        try withMount(Semantics.server) { mount in
            try mount.server.freeze()
            // A question to the server would end with ETIMEDOUT.
            let shown = try mount.run("stat -c %F \"$M\"; stat -f -c %l \"$M\"")
            #expect(shown == "directory\n255")
            try Semantics.run(mount, "fd = os.open(M, os.O_RDONLY); os.fstat(fd); os.fsync(fd); os.close(fd)")
            #expect(try mount.run("df --output=fstype \"$M\"").contains("fuse.ftpsfs"))
            try mount.server.thaw()
        }
    }

    @Test("S136: a directory is listed by opendir, or else by the first readdir")
    func openingDirectories() throws {
        // What is listed ahead is known, and shown for as long as it counts.
        try withMount(Semantics.server, ServerOptions(), MountOptions("no_lookahead")) { mount in
            try Semantics.run(
                mount,
                """
                for name in ['full', 'closed', 'gone']: os.mkdir(f'{D}/{name}'); put(f'{D}/{name}/f', b'x')
                def plain(name): return os.open(f'{M}/{name}', os.O_RDONLY)
                fd = plain('full'); assert os.listdir(fd) == ['f']; os.close(fd)

                os.chmod(D + '/closed', 0)
                fails(errno.EACCES, os.listdir, f'{M}/closed')
                fd = plain('closed'); fails(errno.EACCES, os.listdir, fd); os.close(fd)

                # One that is gone is not an empty one.
                fd = plain('gone'); os.unlink(D + '/gone/f'); os.rmdir(D + '/gone')
                fails(errno.ESTALE, os.listdir, fd); os.close(fd)
                fails(errno.ENOENT, os.listdir, f'{M}/gone')
                """)
        }
    }

    @Test("S124, S128, S133, S134: nodes, owners, ioctl(2) and inotify(7)")
    func rest() throws {
        try withMount(Semantics.server) { mount in
            try Semantics.run(
                mount,
                """
                import ctypes, fcntl, socket, stat, struct
                # S124
                fails(errno.EPERM, os.mkfifo, f'{M}/pipe')
                fails(errno.EPERM, os.mknod, f'{M}/device', stat.S_IFCHR | 0o600, os.makedev(1, 3))
                os.chdir(M); end = socket.socket(socket.AF_UNIX); fails(errno.EPERM, end.bind, 'socket'); os.chdir(L)
                os.mknod(f'{M}/plain', stat.S_IFREG | 0o644); assert os.listdir(D) == ['plain'] == os.listdir(M)

                # S128
                facts = os.stat(f'{M}/plain'); os.chown(f'{M}/plain', facts.st_uid, facts.st_gid)
                fails(errno.EPERM, os.chown, f'{M}/plain', 4321, -1); fails(errno.EPERM, os.chown, f'{M}/plain', -1, 4321)

                # S133: FS_IOC_GETFLAGS
                fd = os.open(f'{M}/plain', os.O_RDONLY); fails(errno.ENOTTY, fcntl.ioctl, fd, 0x80086601, bytes(8)); os.close(fd)

                # S134: IN_CREATE of a file that is made here; what is put there by others is not told.
                libc = ctypes.CDLL(None, use_errno=True)
                watch = libc.inotify_init(); assert libc.inotify_add_watch(watch, M.encode(), 0x100) > 0
                put(D + '/theirs', b'x'); put(f'{M}/ours', b'x')
                event = os.read(watch, 4096); length, = struct.unpack_from('I', event, 12)
                assert event[16:16 + length].rstrip(b'\\0') == b'ours', event
                """)
        }
    }
}
