package audit_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"

	"doorward/internal/audit"
)

// TestMain is also the life of the child processes of TestKilledProcessLosesNothing,
// which writes until it is killed, and of TestKilledWhilePruning.
func TestMain(m *testing.M) {
	if dir := os.Getenv("AUDIT_CRASH_DIR"); dir != "" {
		writeUntilKilled(dir)
	}
	if dir := os.Getenv("AUDIT_PRUNE_DIR"); dir != "" {
		pruneUntilKilled(dir, os.Getenv("AUDIT_PRUNE_STEP"))
	}
	os.Exit(m.Run())
}

func writeUntilKilled(dir string) {
	cfg := config(dir)
	cfg.SegmentBytes = 32 << 10
	l, err := audit.Open(cfg)
	if err != nil {
		panic(err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for c := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("p%d-%d-%d", os.Getpid(), c, i)
				if err := call(context.Background(), l, id); err != nil {
					panic(err)
				}
				mu.Lock()
				fmt.Println(id)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// What was acknowledged before kill -9 is on record, and the chain holds
// (DUR-01, in small).
func TestKilledProcessLosesNothing(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for range 10 {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), "AUDIT_CRASH_DIR="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		kill := 1 + rand.IntN(400)
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if n == kill {
				if err := child.Process.Kill(); err != nil {
					t.Error(err)
				}
			}
			acknowledged[lines.Text()] = true
		}
		_ = child.Wait() // killed
	}
	cfg := config(dir)
	if err := open(t, cfg).Close(); err != nil {
		t.Fatal(err)
	}
	rep := verify(t, cfg.Dir)
	for _, r := range read(t, cfg.Dir, audit.Query{Kind: audit.KindOutcome}) {
		delete(acknowledged, r.Exchange)
	}
	// The kill may cut the child's last line of output short, not the log.
	for id := range acknowledged {
		if !partial(id) {
			t.Errorf("%s was acknowledged and is not on record", id)
		}
	}
	if rep.Segments < 2 {
		t.Errorf("report = %+v", rep)
	}
}

func partial(id string) bool {
	var pid, c, i int
	n, err := fmt.Sscanf(id, "p%d-%d-%d", &pid, &c, &i)
	return n != 3 || err != nil
}
