package audit_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/audit"
)

func TestReopenContinuesTheChain(t *testing.T) {
	cfg := config(t.TempDir())
	for range 3 {
		fillLog(t, cfg, 5)
	}
	rep := verify(t, cfg.Dir)
	if rep.Records != 3*11 || rep.Segments != 1 {
		t.Errorf("report = %+v", rep)
	}
}

// The lock of a process that was killed is nobody's: TestDUR01_KilledProcessLosesNothing
// opens the log of each.
func TestDUR10_ASecondProcessIsRefused(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	if _, err := audit.Open(cfg); !errors.Is(err, audit.ErrLocked) {
		t.Errorf("second Open: %v, want ErrLocked", err)
	}
	if rep := verify(t, cfg.Dir); !rep.Live {
		t.Error("the report does not say that the log is being written")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, cfg)
}

func TestATornTailIsRepairedAndSaidSo(t *testing.T) {
	for _, torn := range []string{"{", `{"actor":"half a rec`, strings.Repeat("\x00", 300<<10)} {
		cfg := config(t.TempDir())
		fillLog(t, cfg, 3)
		if err := appendTo(filepath.Join(cfg.Dir, "audit-00000001.jsonl"), torn); err != nil {
			t.Fatal(err)
		}
		var fault *audit.Fault
		if _, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{}); !errors.As(err, &fault) {
			t.Errorf("Verify of a torn log: %v, want a fault", err)
		}
		fillLog(t, cfg, 1)
		verify(t, cfg.Dir)
		got := read(t, cfg.Dir, audit.Query{Kind: audit.KindEvent})
		if len(got) != 1 || got[0].Event != "audit.repaired" || !strings.Contains(got[0].Detail, fmt.Sprint(len(torn), " bytes")) {
			t.Errorf("events = %+v", got)
		}
	}
}

func TestAnEmptyLastSegmentIsContinued(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 3)
	if err := appendTo(filepath.Join(cfg.Dir, "audit-00000002.jsonl"), ""); err != nil {
		t.Fatal(err)
	}
	fillLog(t, cfg, 1)
	if rep := verify(t, cfg.Dir); rep.Segments != 2 {
		t.Errorf("report = %+v", rep)
	}
}

func TestOpenRefusesWhatNoCrashLeaves(t *testing.T) {
	first := "audit-00000001.jsonl"
	for _, tc := range []struct {
		name   string
		change func(dir string) error
		want   error
	}{
		{"cut tail", func(dir string) error { return cutLines(filepath.Join(dir, first), 1) }, audit.ErrCutTail},
		{"no segments", func(dir string) error { return os.Remove(filepath.Join(dir, first)) }, audit.ErrCutTail},
		{"last line edited", func(dir string) error { return appendTo(filepath.Join(dir, first), "{}\n") }, nil},
		{"long garbage", func(dir string) error { return appendTo(filepath.Join(dir, first), strings.Repeat("x", 2<<20)) }, nil},
		{"bad checkpoint", func(dir string) error { return appendTo(filepath.Join(dir, "checkpoint"), "x") }, nil},
		{"symbolic link", func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, first), filepath.Join(dir, "else")), os.Symlink("else", filepath.Join(dir, first)))
		}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := config(t.TempDir())
			fillLog(t, cfg, 3)
			if err := tc.change(cfg.Dir); err != nil {
				t.Fatal(err)
			}
			l, err := audit.Open(cfg)
			if err == nil {
				t.Fatal(errors.Join(errors.New("Open accepted it"), l.Close()))
			}
			if tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

// A command on the files keeps the log for a moment, in which a gateway may start.
func TestOpenWaitsForAnotherToLeave(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	patient := cfg
	patient.Wait = time.Minute
	opened := make(chan error, 1)
	go func() {
		second, err := audit.Open(patient)
		if err == nil {
			err = second.Close()
		}
		opened <- err
	}()
	if _, err := audit.Open(cfg); !errors.Is(err, audit.ErrLocked) { // which takes as long as one who does not wait has
		t.Errorf("an Open that does not wait: %v, want ErrLocked", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("an Open that waits: %v", err)
	}
}
