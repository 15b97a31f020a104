import TestSupport
import Testing

/// The tools people use every day, each run whole.
@Suite struct ToolTests {
    private static let git = """
        export HOME=$L GIT_CONFIG_GLOBAL=$L/gitconfig GIT_CONFIG_NOSYSTEM=1
        git config --global user.name Test; git config --global user.email test@example.org
        git config --global init.defaultBranch main; git config --global safe.directory '*'
        git config --global gc.auto 0

        """

    @Test("git init, add, commit, gc, fsck and clone", arguments: Program.servers)
    func git(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run(
                Self.git + """
                    git init -q "$M/repo"; cd "$M/repo"
                    for i in $(seq 20); do mkdir -p "d$((i % 5))"; seq $((i * 100)) > "d$((i % 5))/file $i"; done
                    git add . && git commit -qm one
                    echo change >> "d1/file 1"; git mv "d2/file 2" moved; git rm -q "d3/file 3"
                    git commit -qam two; [ -z "$(git status --porcelain)" ]
                    git checkout -qb side; echo side > side; git add side; git commit -qm side
                    git checkout -q main; git merge -q --no-ff -m merged side
                    git gc -q; git fsck --strict 2>&1; [ "$(git rev-list --count HEAD)" = 4 ]
                    git clone -q "$M/repo" "$L/clone"; diff -r -x .git "$M/repo" "$L/clone"
                    git clone -q "$L/clone" "$M/again"; cd "$M/again"; git fsck --strict 2>&1
                    diff -r -x .git "$M/again" "$L/clone"
                    """, timeout: .seconds(400))
        }
    }

    @Test("sqlite3 creates, inserts and finds its database whole", arguments: Program.servers)
    func sqlite(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run(
                """
                sqlite3 "$M/db" 'create table t(id integer primary key, text text); create index i on t(text);'
                (echo 'begin;'; for i in $(seq 2000); do echo "insert into t(text) values('row $i');"; done
                 echo 'commit;') | sqlite3 "$M/db"
                for i in 1 2 3; do sqlite3 "$M/db" "update t set text = 'changed' where id % 7 = $i;"; done
                sqlite3 "$M/db" 'delete from t where id > 1900; vacuum;'
                [ "$(sqlite3 "$M/db" 'pragma integrity_check; select count(*) from t;')" = "$(printf 'ok\\n1900')" ]
                cp "$1/db" here; [ "$(sqlite3 here 'pragma integrity_check; select count(*) from t;' | tail -1)" = 1900 ]
                sqlite3 "$M/db" "begin; insert into t(text) values('gone'); rollback;"
                [ "$(sqlite3 "$M/db" "select count(*) from t where text = 'gone'")" = 0 ]
                [ "$(ls -A "$M")" = db ]
                """, [mount.server.root])
        }
    }

    @Test("sed -i, perl -i and sponge-like rewriting", arguments: Program.servers)
    func inPlace(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run(
                """
                seq 5000 > "$M/f"; sed -i 's/^77$/seventy-seven/' "$M/f"
                seq 5000 | sed 's/^77$/seventy-seven/' | cmp - "$M/f"; cmp "$M/f" "$1/f"
                sed -i.bak 's/^1$/one/' "$M/f"; [ "$(head -n 1 "$1/f")" = one ]; [ "$(head -n 1 "$1/f.bak")" = 1 ]
                sort -r -n "$M/f" -o "$M/f"; [ "$(wc -l < "$1/f")" = 5000 ]
                tee "$M/t" < "$M/f" > /dev/null; cmp "$1/f" "$1/t"
                split -b 1000 "$M/f" "$M/part."; cat "$1"/part.* | cmp - "$1/f"; rm "$M"/part.*
                gzip -k "$M/f"; gzip -dc "$M/f.gz" | cmp - "$M/f"
                [ "$(ls "$M" | wc -w)" = 4 ]
                """, [mount.server.root])
        }
    }

    @Test("extended attributes are told by name alone, so that copies with -X have nothing to do")
    func extendedAttributes() throws {
        try withMount(.proftpd) { mount in
            try mount.run(
                """
                echo x > one; cp -a one "$M/"; rsync -aX one "$M/two"; rsync -aX one "$M/two"
                [ "$(getfattr --only-values -n user.ftps.size "$M/two")" = 2 ]; [ -z "$(getfattr -d "$M/two")" ]
                said=$(getfattr -n user.none "$M/one" 2>&1) || [[ $said == *'not supported'* ]]
                said=$(getfattr -n user.ftps.size "$M" 2>&1) || [[ $said == *'No such attribute'* ]]
                cp -a "$M/two" back; rsync -aX "$M/one" back2; cmp one back; cmp one back2; ls -l "$M"
                tar -C "$M" --xattrs -cf all.tar . 2>&1 | cmp - /dev/null
                """)
        }
    }

    @Test("vim saves, over the file and by rename", arguments: Program.servers)
    func vim(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run(
                """
                export HOME=$L TERM=dumb
                for how in yes no auto; do
                    seq 1000 > "$M/text"
                    vim -u NONE -N -es -c "set backup writebackup backupcopy=$how swapfile backupdir=. directory=." \
                        -c '%s/^500$/five hundred/' -c 'wq' "$M/text" < /dev/null
                    seq 1000 | sed 's/^500$/five hundred/' | cmp - "$1/text"
                done
                """, [mount.server.root], timeout: .seconds(120))
        }
    }

    @Test("an editor's save by rename, step by step", arguments: Program.servers)
    func saveByRename(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.python(
                """
                path = f'{M}/doc'
                with open(path, 'w') as file: file.write('first')
                for text in ('second', 'third'):
                    fd = os.open(path + '.tmp', os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                    os.write(fd, text.encode()); os.fchmod(fd, 0o644); os.fsync(fd); os.close(fd)
                    os.rename(path, path + '~'); os.rename(path + '.tmp', path)
                    directory = os.open(M, os.O_RDONLY); os.fsync(directory); os.close(directory)
                    assert open(path).read() == text and open(sys.argv[1] + '/doc').read() == text
                assert open(path + '~').read() == 'second'
                assert sorted(os.listdir(sys.argv[1])) == ['doc', 'doc~']
                """, [mount.server.root])
        }
    }

    @Test("find, du, grep -r and df", arguments: Program.servers)
    func walkers(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run(
                """
                for d in $(seq 20); do mkdir -p "$1/t/d$d"; for f in $(seq 10); do echo "$d-$f" > "$1/t/d$d/f$f"; done; done
                [ "$(find "$M/t" -type f | wc -l)" = 200 ]; [ "$(find "$M/t" -type d | wc -l)" = 21 ]
                [ "$(grep -r '' "$M/t" | wc -l)" = 200 ]; grep -rqx 7-3 "$M/t"
                du -sb "$M/t" > /dev/null; [ "$(df --output=fstype "$M" | tail -n 1)" = fuse.ftpsfs ]
                df -i "$M" > /dev/null; stat -f "$M" > /dev/null
                """, [mount.server.root])
        }
    }

    @Test("advisory locks work between processes", arguments: Program.servers)
    func locks(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run(
                """
                echo 0 > "$M/counter"
                for who in 1 2 3; do
                    (for i in 1 2 3 4 5; do
                        (flock 9; n=$(cat "$M/counter"); echo $((n + 1)) > "$M/counter") 9> "$M/lock"
                    done) & pids="$pids $!"
                done
                for pid in $pids; do wait $pid; done
                [ "$(cat "$M/counter")" = 15 ]
                """)
        }
    }
}
