//go:build unix

package secret

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe is refused, and looking at it waits for nobody.
func TestAPipeIsNoSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open([]Source{{Name: "p", From: "file:" + path, Required: true}}, os.LookupEnv); err == nil {
		t.Error("a pipe was read")
	}
}

// owned is a file of somebody else, which only root could make.
type owned struct {
	fs.FileInfo
	uid uint32
}

func (o owned) Sys() any { return &syscall.Stat_t{Uid: o.uid} }

func TestASecretOfAnotherUserIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	me := uint32(os.Geteuid())
	for uid, good := range map[uint32]bool{me: true, 0: true, me + 1: false} {
		err := (&file{path: path}).trusted(owned{info, uid})
		if good != (err == nil) {
			t.Errorf("a file of user %d, read by %d: %v", uid, me, err)
		}
	}
}
