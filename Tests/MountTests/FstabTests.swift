import TestSupport
import Testing

/// Mounting as mount(8) and /etc/fstab do it.
@Suite(.enabled(if: Program.canMount)) struct FstabTests {
    /// Runs a script in a mount namespace in which /sbin has the helpers that `make install` puts there; `$1`
    /// is a working directory.
    ///
    /// Nothing outside is changed.
    private func withHelpers(_ script: String, _ server: ServerFixture) throws -> String {
        let place = try TemporaryDirectory("fstab")
        try TestFile.write(
            place.path + "/cred", "username=\(server.user)\npassword=\(server.password)\n".utf8, mode: 0o600)
        try TestFile.write(
            place.path + "/inside",
            """
            set -e -o pipefail
            cd "$1"; mkdir sbin old mnt mnt2
            mount --bind "$(readlink -f /sbin)" old
            cp -as "$1/old/." sbin/
            ln -s "$2" sbin/mount.ftpsfs; ln -s "$2" sbin/mount.fuse.ftpsfs
            mount --bind sbin "$(readlink -f /sbin)"
            \(script)
            """.utf8)
        return try Shell.run(
            "unshare --mount --propagation private env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin bash \"$1/inside\" \"$1\" \"$2\"",
            [place.path, Program.path], timeout: .seconds(180))
    }

    @Test(
        "lines of type ftpsfs and fuse.ftpsfs mount with mount -a, without HOME", arguments: Program.servers)
    func mountAll(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            try server.put("f", "x".utf8)
            try server.makeDirectory("sub dir")
            let options =
                "noauto,nofail,_netdev,x-systemd.automount,x-systemd.idle-timeout=10min,port=\(server.port),"
                + "cacert=\(server.authority),credentials=$1/cred,uid=1234,gid=1234,allow_other,cache_dir=$1/cache"
            let result = try withHelpers(
                """
                cat > fstab <<END
                alice@localhost:/ $1/mnt ftpsfs \(options.replacing("noauto,", with: "")) 0 0
                alice@localhost:/sub\\\\040dir $1/mnt2 fuse.ftpsfs \(options.replacing("noauto,", with: "")) 0 0
                END
                mount -a -T fstab
                mount -a -T fstab # finds both mounted
                cat mnt/f; echo; stat -c '%u %g' mnt/f; echo y > mnt2/g
                grep -c "$1/mnt.* fuse.ftpsfs .*nosuid,nodev" /proc/self/mounts
                grep "$1/mnt " /proc/self/mounts | grep -c \(server.password) || true
                umount mnt; umount mnt2
                if mountpoint -q mnt; then exit 7; fi
                """, server)
            #expect(result == "x\n1234 1234\n2\n0")
            #expect(server.content("sub dir/g") == Array("y\n".utf8))
        }
    }

    @Test("mount -t ftpsfs, also with debug, remounting by hand, and a failure's message and status")
    func mountType() throws {
        try withServer(.proftpd) { server in
            try server.put("f", "x".utf8)
            let options =
                "port=\(server.port),cacert=\(server.authority),credentials=$1/cred,cache_dir=$1/cache"
            let result = try withHelpers(
                """
                mount -t ftpsfs alice@localhost:/ mnt -o \(options),ro
                cat mnt/f; echo
                if touch mnt/g 2>/dev/null; then exit 8; fi
                umount mnt
                timeout 60 mount -t ftpsfs alice@localhost:/ mnt -o \(options),debug,log=$1/log
                grep -q MLSD log; cat mnt/f; echo; umount mnt
                if mount -t ftpsfs alice@localhost:/missing mnt -o \(options) 2> said; then exit 9; fi
                grep -c missing said
                """, server)
            #expect(result == "x\nx\n1")
        }
    }
}
