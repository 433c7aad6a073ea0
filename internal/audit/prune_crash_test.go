package audit_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/synctest"

	"doorward/internal/audit"
)

// DUR-44 with kill -9: wherever pruning is cut off the log verifies, nothing younger is
// gone, and the next run finishes.
func TestKilledWhilePruning(t *testing.T) {
	old := t.TempDir()
	// A bubble begins in the year 2000: all of it is due.
	synctest.Test(t, func(t *testing.T) { writeDays(t, smallSegments(old), 4) })
	written := lines(t, smallSegments(old).Dir)
	for _, step := range audit.Steps() {
		t.Run(step, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(old)); err != nil {
				t.Fatal(err)
			}
			cfg := smallSegments(dir)
			killAt(t, dir, step)
			if rep := verify(t, cfg.Dir); (rep.Pruned.Records > 0) != (step == "replaced") {
				t.Errorf("after the kill: %+v", rep.Pruned)
			}
			prune(t, cfg, shortKeep())
			rep, left := verify(t, cfg.Dir), lines(t, cfg.Dir)
			for seq, r := range written {
				got, there := left[seq]
				if there != (audit.ClassOf(&r) == audit.Lasting) {
					t.Errorf("record %d of class %s is there: %v", seq, audit.ClassOf(&r), there)
				}
				if now, was := string(got.AppendJSON(nil)), string(r.AppendJSON(nil)); there && now != was {
					t.Errorf("record %d became %s", seq, now)
				}
			}
			if rep.Pruned.Records == 0 {
				t.Errorf("report: %+v", rep)
			}
			if stray, _ := filepath.Glob(filepath.Join(cfg.Dir, ".*")); len(stray) > 0 {
				t.Errorf("left behind: %v", stray)
			}
		})
	}
}

func killAt(t *testing.T, dir, step string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), "AUDIT_PRUNE_DIR="+dir, "AUDIT_PRUNE_STEP="+step)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	if !said.Scan() || said.Text() != step {
		t.Errorf("the child said %q", said.Text())
	}
	if err := child.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = child.Wait() // killed
}
