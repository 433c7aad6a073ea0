package files_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"doorward/internal/builtin/files"
)

// RES-33: of each file system a part is kept free of what clients write.
func TestRES33_WhatIsKeptFree(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for _, tc := range []struct {
		name                                     string
		bytes, freeBytes, files, freeFiles, more uint64
		want                                     bool
	}{
		{"half free", 100, 50, 100, 50, 1, true},
		{"to the last byte that is not kept", 100, 50, 100, 50, 45, true},
		{"a byte more", 100, 50, 100, 50, 46, false},
		{"more than there is", 100, 50, 100, 50, 1 << 40, false},
		{"of a large one 1 GiB", 1000 * gib, gib + 10, 100, 50, 10, true},
		{"and no less", 1000 * gib, gib + 10, 100, 50, 11, false},
		{"no room for names", 100, 50, 100, 5, 1, false},
		{"one that says nothing", 0, 0, 0, 0, 1, true},
		{"one that counts no files, as btrfs", 100, 50, 0, 0, 1, true},
	} {
		if got := files.Takes(tc.bytes, tc.freeBytes, tc.files, tc.freeFiles, tc.more); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// RES-33: clients who write, write anew and delete without an end leave room on the disk, lose nothing of what
// they were told is there, and go on once there is room. The disk is one of 1 MiB in memory, in a mount namespace of
// this program's own; where the kernel gives none to this user, the table above stands for it.
func TestRES33_ClientsDoNotFillTheDisk(t *testing.T) {
	const small = "DOORWARD_SMALL_DISK"
	if os.Getenv(small) == "" {
		dir := t.TempDir()
		if exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "none", dir).Run() != nil {
			t.Log("no mount namespace here")
			return
		}
		cmd := exec.Command("unshare", "-rm", "sh", "-ec", `mount -t tmpfs -o size=1m none "$0"; exec "$1" -test.run "^$2\$" -test.v`, dir, os.Args[0], t.Name())
		cmd.Env = append(os.Environ(), small+"=1", "TMPDIR="+dir)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	s := newStand(t, func(set *files.Settings) { set.Write = true }, nil)
	body := strings.Repeat("x", 60_000)
	written := 0
	for ; written < 100; written++ {
		name := fmt.Sprintf("deep/f%d", written)
		if said, failed, _ := s.call("write", of{"path": name, "text": body}); failed {
			if !strings.Contains(said, "nearly full") {
				t.Fatalf("file %d: %s", written, said)
			}
			break
		}
		if written%2 == 1 { // which leaves it in the trash
			if said, failed, _ := s.call("delete", of{"path": name}); failed && !strings.Contains(said, "nearly full") {
				t.Fatalf("deleting file %d: %s", written, said)
			}
		}
	}
	if written < 5 || written == 100 {
		t.Fatalf("%d files of %d bytes went on a disk of 1 MiB", written, len(body))
	}
	s.refuses("write", of{"path": "new/directory/" + "f", "text": body}, "nearly full")
	s.refuses("stat", of{"path": "new"}, "no such file")
	s.refuses("edit", of{"path": "ok.txt", "old": "two", "new": body}, "nearly full")
	s.has("ok.txt", "one\ntwo\nthree\n")
	for i := 0; i < written; i += 2 {
		s.has(fmt.Sprintf("deep/f%d", i), body)
	}
	other := s.root + "-of-another" // on the same disk
	if err := os.WriteFile(other, []byte(body[:40_000]), 0o600); err != nil {
		t.Errorf("what else is on the disk has no room: %v", err)
	}
	if err := os.RemoveAll(s.root + "/.doorward-trash"); err != nil {
		t.Fatal(err)
	}
	s.says("write", of{"path": "new/f", "text": body}, "sha256:")
}
