package audit_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"doorward/internal/audit"
)

// TestMain is also the life of the child processes of TestDUR01_KilledProcessLosesNothing,
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
func TestDUR01_KilledProcessLosesNothing(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for range 5 {
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

// What a loss of power leaves of a write that was not synced: any of its pages as
// zeros, also before whole records. None of it was durable, so the log goes on before
// the first gap, and says how much it dropped (DUR-03). A gap in what a checkpoint
// covers is no crash's doing; nor is one before records of a log whose checkpoint is gone.
func TestDUR03_AGapIsDroppedBehindTheCheckpointAlone(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 20)
	path := filepath.Join(cfg.Dir, "audit-00000001.jsonl")
	covered, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	saved, keys := contentOf(t, filepath.Join(cfg.Dir, "checkpoint")), contentOf(t, subjectsOf(cfg))
	fillLog(t, cfg, 60)
	full, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		write(t, filepath.Join(cfg.Dir, "checkpoint"), saved)
		write(t, subjectsOf(cfg), keys)
		lost := bytes.Clone(full)
		gaps := 0
		for at := len(covered); at < len(lost); at = (at/4096 + 1) * 4096 {
			if rand.IntN(3) == 0 {
				clear(lost[at:min(len(lost), (at/4096+1)*4096)])
				gaps++
			}
		}
		if gaps == 0 {
			continue
		}
		write(t, path, lost)
		if err := open(t, cfg).Close(); err != nil {
			t.Fatal(err)
		}
		rep := verify(t, cfg.Dir)
		at := bytes.LastIndexByte(lost[:bytes.IndexByte(lost, 0)], '\n') + 1
		got := read(t, cfg.Dir, audit.Query{Kind: audit.KindEvent})
		want := fmt.Sprintf("dropped %d bytes", len(lost)-at)
		if len(got) == 0 || got[len(got)-1].Event != "audit.repaired" || !strings.HasPrefix(got[len(got)-1].Detail, want) || rep.Records < 41 {
			t.Fatalf("%+v in %d records, want %q", got, rep.Records, want)
		}
	}
	lost := bytes.Clone(full)
	clear(lost[len(covered)+500 : len(covered)+600])
	write(t, path, lost)
	if err := os.Remove(filepath.Join(cfg.Dir, "checkpoint")); err != nil {
		t.Fatal(err)
	}
	lostOf(t, cfg, audit.LostCheckpoint)
	_, err = audit.Open(accepting(cfg))
	fault, ok := errors.AsType[*audit.Fault](err)
	if got, err := os.ReadFile(path); !ok || fault.Seq != uint64(bytes.Count(full[:len(covered)+500], []byte("\n")))+1 || err != nil || !bytes.Equal(got, lost) {
		t.Errorf("a gap before records, and no checkpoint: %v", fault)
	}
	lost = append(bytes.Clone(full[:len(full)-20]), make([]byte, 9000)...)
	write(t, path, lost)
	lostOf(t, cfg, audit.LostCheckpoint)
	if err := open(t, accepting(cfg)).Close(); err != nil {
		t.Errorf("zeros at the end, and no checkpoint: %v", err)
	}
	lost = bytes.Clone(full)
	clear(lost[len(covered)-300 : len(covered)])
	write(t, path, lost)
	write(t, filepath.Join(cfg.Dir, "checkpoint"), saved)
	write(t, subjectsOf(cfg), keys)
	if _, err := audit.Open(cfg); !errors.Is(err, audit.ErrCutTail) {
		t.Errorf("a gap in what the checkpoint covers: %v", err)
	}
}
