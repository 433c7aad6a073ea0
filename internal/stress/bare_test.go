//go:build linux

package stress_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestDUR43_BareMachine serves where nothing but data_dir can be written: the root is
// read-only, $TMPDIR is full, $HOME is not set, and the user id has no name.
func TestDUR43_BareMachine(t *testing.T) {
	v := furnished(t)
	v.open(t) // what the upstream offers is approved, in a file that cannot be written below
	v.g.stop()
	full := filepath.Join(v.g.dir, "full")
	if err := os.Mkdir(full, 0o700); err != nil {
		t.Fatal(err)
	}
	const apart = "unshare -m --map-user=54321 --map-group=54321 --keep-caps"
	if exec.Command("sh", "-c", apart+" mount -t tmpfs none "+full).Run() != nil {
		t.Log("this user is given no mount namespace: the root stays as it is, and $TMPDIR is not there")
		v.g.binary = filepath.Join(v.g.dir, "bare")
		script(t, v.g.binary, fmt.Sprintf("unset HOME; export TMPDIR=%s/none; exec %s \"$@\"", full, doorward))
	} else {
		v.g.binary = filepath.Join(v.g.dir, "bare")
		script(t, v.g.binary, fmt.Sprintf(`exec %[1]s sh -ec '
mount -t tmpfs -o size=4k,uid=54321,gid=54321 none %[2]s
dd if=/dev/zero of=%[2]s/all bs=4k count=1 2>/dev/null
mount --bind %[3]s %[3]s
mount --bind %[3]s/data %[3]s/data
mount -o remount,bind,ro %[3]s
mount -o remount,bind,ro / || mount -o remount,bind,ro,nosuid,nodev /
if touch %[3]s/writable 2>/dev/null; then exit 9; fi
unset HOME
export TMPDIR=%[2]s
exec %[4]s "$@"' sh "$@"`, apart, full, v.g.dir, doorward))
	}
	for _, c := range v.clients {
		c.close()
		c.conn = nil
	}
	v.open(t)
	for _, c := range v.clients {
		if _, err := c.echo("2", c.name+"/bare"); err != nil {
			t.Error(err)
		}
	}
	v.g.stop()
	v.g.verify()
}

func script(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}
