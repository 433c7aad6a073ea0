package gatetest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// PostgresPrograms is where Debian keeps the programs of PostgreSQL 15.
const PostgresPrograms = "/usr/lib/postgresql/15/bin"

// Postgres starts a server of PostgreSQL that listens on a socket in a directory alone,
// and returns the directory. Its superuser is "owner". It ends with the test. PostgreSQL
// does not run as root: then it runs as the user postgres, which its package made.
func Postgres(t testing.TB) (dir string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(PostgresPrograms, "initdb")); err != nil {
		t.Fatal("PostgreSQL 15 is missing: run scripts/parts first (make test does)")
	}
	// A socket's path is short, and the user postgres has to reach it.
	dir, err := os.MkdirTemp("/tmp", "doorward-pg-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	run := func(program string, args ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, filepath.Join(PostgresPrograms, program), args...)
		cmd.Dir = dir
		if os.Getuid() == 0 {
			uid, gid := postgresID(t, "-u"), postgresID(t, "-g")
			if err := os.Chown(dir, int(uid), int(gid)); err != nil {
				t.Fatal(err)
			}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
		}
		said, err := os.CreateTemp(t.TempDir(), "said") // the server holds a pipe open
		if err != nil {
			t.Fatal(err)
		}
		defer said.Close()
		cmd.Stdout, cmd.Stderr = said, said
		if err := cmd.Run(); err != nil {
			text, _ := os.ReadFile(said.Name())
			t.Fatalf("%s: %v: %s", program, err, bytes.TrimSpace(text))
		}
	}
	data, log := filepath.Join(dir, "data"), filepath.Join(dir, "log")
	run("initdb", "-D", data, "-A", "trust", "-U", "owner", "-E", "UTF8", "--no-sync")
	run("pg_ctl", "-D", data, "-w", "-l", log, "-o", "-F -k "+dir+" -c listen_addresses=", "start")
	t.Cleanup(func() { run("pg_ctl", "-D", data, "-m", "immediate", "stop") })
	return dir
}

// postgresID is a number of the user postgres, by a flag of id.
func postgresID(t testing.TB, flag string) uint32 {
	t.Helper()
	out, err := exec.Command("id", flag, "postgres").Output()
	if err != nil {
		t.Fatalf("there is no user postgres: %v", err)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(out)), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}
